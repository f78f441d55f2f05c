// Files of the data folder, for their owner alone.
import fs from 'node:fs'
import { exitCodes, ProgramError } from 'example-chat'

/** @throws ProgramError if there is one already, too */
export function writeNewFile(file: string, text: string): void {
  try {
    fs.writeFileSync(file, text, { flag: 'wx', mode: 0o600, flush: true })
  } catch (error) {
    throw new ProgramError(exitCodes.usage, `the file cannot be written: ${file}`, { cause: error })
  }
}

/** The old text or the new one, whenever it is interrupted. @throws ProgramError */
export function replaceFile(file: string, text: string): void {
  const part = `${file}.new`
  fs.rmSync(part, { force: true })
  writeNewFile(part, text)
  try {
    fs.renameSync(part, file)
  } catch (error) {
    throw new ProgramError(exitCodes.usage, `the file cannot be written: ${file}`, { cause: error })
  }
}
