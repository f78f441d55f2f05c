// `--local`: an SMP server in the program's own process, for trying out where none is at hand.
import { type Command, Option } from 'commander'
import type { CommonOptions } from './options.js'
import type { Running } from './program.js'
import { usageError } from './program-errors.js'

export const addLocalOption = (command: Command): Command =>
  command.addOption(
    new Option('--local', 'start an SMP server in this process, for trying out: nothing is kept at its end').conflicts([
      'db',
      'keyFile',
      'restored',
    ]),
  )

/** `startSmpServer` of `@smpkit/smp-server` fits. */
export type StartServer = () => Promise<{ readonly addressText: string; stop(): Promise<unknown> }>

/**
 * `run` with the servers of `--server`, or with one that ends after it.
 * @throws ProgramError if the user has to say which, and what `run` throws
 */
export async function withLocalServer<O extends Omit<CommonOptions, 'name'> & { readonly local?: boolean }, R>(
  options: O,
  { log }: Running,
  start: StartServer,
  run: (options: Omit<CommonOptions, 'name'>) => Promise<R>,
): Promise<R> {
  const isGiven = (options.server ?? []).length > 0
  if (options.local && isGiven) throw usageError('expected --local or --server, got both')
  if (!options.local) {
    if (isGiven) return run(options)
    throw usageError(
      '--server: expected at least one SMP server to make queues on, such as --server smp://<fingerprint>@smp.example.org; --local starts one for trying out',
    )
  }
  const server = await start()
  try {
    log(`An SMP server for trying out, for the other programs as well: --server ${server.addressText}`)
    // Its queues go with it, and with them what the default database would know.
    const { db: _, ...others } = options
    return await run({ ...others, server: [server.addressText] })
  } finally {
    await server.stop()
  }
}
