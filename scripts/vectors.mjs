// npm run vectors: the packages against the recorded bytes.
import { program } from './program.mjs'

await program({
  project: 'scripts/vectors',
  entry: 'main.js',
  usage: `Usage: npm run vectors [-- [DIR…] [OPTIONS]]

Runs every vector file (*.json) under the folders or files given, by default test-vectors/.

  --suite NAME  run only this suite; may be repeated
  --verbose     show expected and actual bytes of failures aligned
  --help        print this text
`,
})
