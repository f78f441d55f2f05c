// npm run demo: a message sent over the real protocol becomes an encrypted push.
import { program } from './program.mjs'

await program({
  project: 'examples/demo',
  entry: 'index.js',
  usage: `Usage: npm run demo [-- OPTIONS]

Starts an SMP server, a notification server, a recipient and a sender on loopback, sends a message, and shows the push
that it becomes. Ends by itself.

  --server smp://…  use this SMP server instead of the embedded one
  --protocol ntf    the phone speaks the NTF protocol, as SimpleX apps do, instead of s.*
  --json            print JSON lines
  --help            print this text
`,
})
