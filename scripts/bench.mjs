// npm run bench: our speed against limits measured in the same run.
import { program } from './program.mjs'

await program({
  project: 'bench',
  entry: 'index.js',
  usage: `Usage: npm run bench [-- [FILTER] [OPTIONS]]

Prints a table: name, ours, the limit measured in the same run, ratio. FILTER is a part of the name.

  --json FILE  also write the results as JSON
  --help       print this text
`,
})
