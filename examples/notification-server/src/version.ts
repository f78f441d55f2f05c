// Which version this is, by the package that it is in.
import fs from 'node:fs'

export const version: string = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
