// Sets up one project and what it needs: node scripts/prepare.mjs examples/echo-bot
// Without a name, all of them.
import { exitWith } from './program.mjs'
import { build, install } from './setup.mjs'

await exitWith(async () => {
  await install()
  await build(process.argv[2])
  return 0
})
