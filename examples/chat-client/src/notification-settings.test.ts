import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createSecureContext } from 'node:tls'
import { openDatabase } from 'example-chat'
import { describe, expect, it, onTestFinished } from 'vitest'
import { clientState, hostOf, identityFor, loadIdentity, type NotificationWish } from './notification-settings.js'
import { Refusal } from './refusal.js'

const wish: NotificationWish = {
  ...{ address: 'link', provider: 'webhook', host: '127.0.0.1', port: 0 },
  ...{ url: undefined, cert: undefined, key: undefined },
}

describe('where pushes come to', () => {
  it('is this machine, or what the user says', () => {
    for (const host of ['127.0.0.1', '::1', 'localhost']) expect(hostOf({ ...wish, host })).toBe('localhost')
    expect(hostOf({ ...wish, host: '0.0.0.0', url: 'https://a.example:1' })).toBe('a.example')
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) expect(() => hostOf({ ...wish, host })).toThrow(Refusal)
  })

  it('has a certificate: one that is made, or that of files, as they are at the start', async () => {
    const made = await loadIdentity(identityFor(wish))
    expect(() => createSecureContext({ cert: made.cert, key: made.key })).not.toThrow()
    const folder = mkdtempSync(path.join(tmpdir(), 'identity '))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const [cert, key] = [path.join(folder, 'cert'), path.join(folder, 'key')]
    const kept = identityFor({ ...wish, cert, key })
    await expect(loadIdentity(kept)).rejects.toThrow(Refusal)
    writeFileSync(cert, made.cert)
    writeFileSync(key, made.key)
    expect(await loadIdentity(kept)).toEqual({ ...made, ca: null })
  })

  it('needs the files where it is an IP address', () => {
    for (const url of ['https://192.0.2.1', 'https://[::1]:1']) {
      expect(() => identityFor({ ...wish, url })).toThrow(/--cert and --key/)
    }
  })
})

it('what the client remembers is apart from all else', async () => {
  await using database = await openDatabase(undefined)
  const state = clientState(database.archive)
  await database.archive.records('notifications').put('', 0, 'other')
  await state.put('a', { b: 1 })
  await state.put('c', [true])
  await state.put('c', null)
  expect([await state.get('a'), await state.get('d')]).toEqual([{ b: 1 }, undefined])
  expect((await state.list()).toSorted()).toEqual([
    ['a', { b: 1 }],
    ['c', null],
  ])
  await state.remove('a')
  await state.remove('a')
  expect(await state.list()).toEqual([['c', null]])
})
