import fs from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createStoreKey, readStoreKey } from './key-file.js'
import { temporaryFolder } from './testing/sqlite.js'

let folder: ReturnType<typeof temporaryFolder>
let file: string
const refused = expect.objectContaining({ name: 'StoreError', code: 'KEY', temporary: false })

beforeEach(() => {
  folder = temporaryFolder()
  file = `${folder.path}/store.key`
})

afterEach(() => folder.remove())

it('a key is made once, for its owner only, and read again', async () => {
  const key = await createStoreKey(file)
  expect(key).toHaveLength(32)
  expect(fs.statSync(file).mode & 0o777).toBe(0o600)
  expect(await readStoreKey(file)).toStrictEqual(key)
  expect(await createStoreKey(`${file}.2`)).not.toStrictEqual(key)
})

it('what is left of an attempt that was cut short stands in the way of no other', async () => {
  fs.writeFileSync(`${file}.part`, 'AAAA')
  const key = await createStoreKey(file)
  expect(await readStoreKey(file)).toStrictEqual(key)
  expect(fs.readdirSync(folder.path)).toEqual(['store.key'])
})

it('a file is never overwritten', async () => {
  const key = await createStoreKey(file)
  await expect(createStoreKey(file)).rejects.toThrow(refused)
  expect(await readStoreKey(file)).toStrictEqual(key)
})

it('a key may have been written by hand, without a line break or padding', async () => {
  const key = await createStoreKey(file)
  fs.writeFileSync(file, Buffer.from(key).toString('base64url'))
  expect(await readStoreKey(file)).toStrictEqual(key)
})

it.each([
  ['nothing', ''],
  ['another length', Buffer.alloc(31).toString('base64url')],
  ['no base64url', `${'*'.repeat(43)}`],
  ['two lines', `${Buffer.alloc(32).toString('base64url')}\n${Buffer.alloc(32).toString('base64url')}`],
])('a file with %s is refused, and not shown', async (_name, text) => {
  fs.writeFileSync(file, text)
  const error = await readStoreKey(file).catch((thrown: unknown) => thrown)
  expect(error).toEqual(refused)
  if (text !== '') expect(String(error)).not.toContain(text)
})

it('a file that is not there says how to make one', async () => {
  await expect(readStoreKey(file)).rejects.toThrow(refused)
  await expect(readStoreKey(file)).rejects.toThrow('createStoreKey')
  await expect(createStoreKey(`${folder.path}/nowhere/store.key`)).rejects.toThrow(refused)
})
