#!/usr/bin/env node
// A contact address that accepts whoever connects, and answers what they write.
import { startSmpServer } from '@smpkit/smp-server'
import { Command } from 'commander'
import {
  addCommonOptions,
  addLocalOption,
  type CommonOptions,
  exitCodes,
  linkForTerminal,
  openAddress,
  type Running,
  runProgram,
  withAgent,
  withLocalServer,
} from 'example-chat'
import { echo } from './echo.js'

interface Options extends CommonOptions {
  readonly fullLink?: boolean
  readonly local?: boolean
}

const command = addLocalOption(addCommonOptions(new Command('echo-bot'), { name: 'echo', db: 'echo-bot.db' }))
  .description(
    'Prints its contact address, on a terminal also as a QR code; accepts whoever connects, and answers each message with the same text. With the same --db it goes on after a restart, with the same address.',
  )
  .option('--full-link', 'also print the full link, which needs nothing of the server that made it')
  .addHelpText(
    'after',
    `
Exit codes: 0 ended by Ctrl-C or SIGTERM, 1 wrong options, 3 the server cannot be reached or makes no queues for us,
4 the database cannot be used, 70 a mistake of ours.

Example: echo-bot --server smp://<fingerprint>@smp.example.org --db echo-bot.db`,
  )

await runProgram<Options, []>({
  command,
  onSignal: exitCodes.ok,
  main: (options, running) =>
    withLocalServer(options, running, startSmpServer, (ready) =>
      withAgent(ready, running, async (program) => {
        const address = await openAddress(program.agent, program.archive, running)
        show(address, options, running)
        await echo(program, running, options.name)
        return exitCodes.ok
      }),
    ),
})

function show(
  { link, shortLink }: { readonly link: string; readonly shortLink: string | null },
  { fullLink, name }: Options,
  { log }: Running,
): void {
  const links = shortLink === null ? [link] : fullLink ? [shortLink, link] : [shortLink]
  for (const one of links) process.stdout.write(`${linkForTerminal(one, process.stdout.columns)}\n`)
  log(`${name} is ready: connect to ${links.length > 1 ? 'either of the links' : 'the link'} above; Ctrl-C ends`)
}
