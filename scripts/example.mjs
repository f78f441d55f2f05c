// npm run echo-bot, send-message, chat-client: programs that somebody types into or that run for long. They run in this very
// process, so that the terminal, the signals and stdin are theirs; the set-up before has a process of its own.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const root = path.dirname(import.meta.dirname)
const [node, , name, ...args] = process.argv

const prepare = [path.join(root, 'scripts/prepare.mjs'), `examples/${name}`]
const { status } = spawnSync(node, prepare, { cwd: root, stdio: ['ignore', 2, 'inherit'] })
if (status === 0) {
  const main = path.join(root, 'examples', name, 'dist/main.js')
  process.argv = [node, main, ...args]
  // Paths in the arguments mean the folder in which npm was called.
  process.chdir(process.env.INIT_CWD ?? process.cwd())
  await import(pathToFileURL(main))
} else process.exitCode = status ?? 1
