// Where the program keeps its files: one folder, named by --data or an environment variable.
import fs from 'node:fs'
import path from 'node:path'
import { describeError, exitCodes, ProgramError, usageError } from 'example-chat'
import { ConfigError, configName, readConfig } from './config.js'
import { type Config, variablePrefix } from './config-keys.js'

export const dataVariable = `${variablePrefix}DATA`

/** The socket over which a running server is asked. */
export const socketName = 'status.sock'

/** @throws ProgramError with all that is wrong, on lines of their own */
export function loadConfig(folder: string, log: (line: string) => void): Config {
  const file = path.join(folder, configName)
  let toml: string
  try {
    toml = fs.readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw usageError(`there is no config ${file}: the command init makes one, --data names another folder`)
    }
    throw new ProgramError(exitCodes.usage, `the config ${file} cannot be read: ${describeError(error)}`, {
      cause: error,
    })
  }
  try {
    return readConfig(toml, path.resolve(folder), process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) log(problem)
    throw usageError(`the config has mistakes: ${error.problems.length}`)
  }
}
