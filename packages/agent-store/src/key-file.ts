// The key of a store in a file of its own: 32 random bytes as base64url.
import { link, open, readFile, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { randomBytes } from '@smpkit/crypto'
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import { storeKeyLength } from './cells.js'
import { StoreError } from './contract.js'

/** @throws StoreError `KEY` if there is none, or something else */
export async function readStoreKey(path: string): Promise<Uint8Array> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new StoreError('KEY', 'the key file cannot be read: createStoreKey makes a new one', { cause })
  }
  const key = decoded(text.trim())
  if (key?.length !== storeKeyLength) {
    throw new StoreError('KEY', `expected a key file with ${storeKeyLength} bytes as base64url, got something else`)
  }
  return key
}

// The error of the decoder is not kept as a cause: it would be of a secret.
function decoded(text: string): Uint8Array | undefined {
  try {
    return fromBase64url(text)
  } catch {
    return undefined
  }
}

/**
 * A new key in a new file that only its owner can read. Whoever loses it loses the store: copy it to another place.
 * @throws StoreError `KEY` if there is a file already, which is never overwritten
 */
export async function createStoreKey(path: string): Promise<Uint8Array> {
  const key = randomBytes(storeKeyLength)
  const part = `${path}.part`
  try {
    // Under its name only when it is complete and on the disk.
    await rm(part, { force: true })
    await written(part, 'wx', `${toBase64url(key)}\n`)
    await link(part, path)
    await written(dirname(resolve(path)), 'r')
  } catch (cause) {
    const expected = 'expected a name of no file yet, in a folder that is there'
    throw new StoreError('KEY', `the key file cannot be made: ${expected}`, { cause })
  } finally {
    await rm(part, { force: true })
  }
  return key
}

/** On the disk, with its text if there is one. */
async function written(path: string, flags: string, text = ''): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    if (text !== '') await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
