// A root command that is a program of the workspace: set it up, then run it with the same arguments.
import path from 'node:path'
import { run } from './children.mjs'
import { build, install, root, SetupError } from './setup.mjs'

/** A SetupError and a fault of the file system are told in one line, a mistake of ours with its stack. */
export function tell(error) {
  const isKnown = error instanceof SetupError || error.syscall !== undefined
  process.stderr.write(isKnown ? `[setup] ${error.message}\n` : `${error.stack}\n`)
}

/** Ends the process with the exit code of `main`, or with 1 if it throws. */
export async function exitWith(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    tell(error)
    process.exitCode = 1
  }
}

/** Runs `<project>/dist/<entry>` with this process's arguments and its stdout. `--help` needs no set-up. */
export function program({ usage, project, entry }) {
  return exitWith(async () => {
    const args = process.argv.slice(2)
    if (args.includes('--help') || args.includes('-h')) {
      process.stdout.write(usage)
      return 0
    }
    await install()
    await build(project)
    // Paths in the arguments mean the folder in which npm was called.
    const cwd = process.env.INIT_CWD ?? process.cwd()
    const { code } = await run(process.execPath, [path.join(root, project, 'dist', entry), ...args], { cwd })
    return code
  })
}
