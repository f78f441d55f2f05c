import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lookupName } from './lookup-name.js'

const [typeA, typeAaaa] = [1, 28]
/** What the name server knows; it says nothing at all about names with `silent`. */
const known: Record<string, { readonly a?: readonly string[]; readonly aaaa?: readonly string[] }> = {
  'both.example': { a: ['192.0.2.1', '192.0.2.2', '192.0.2.3'], aaaa: ['2001:db8::1'] },
  'old.example': { a: ['192.0.2.4'] },
  'new.example': { aaaa: ['2001:db8::2'] },
}
const server = createSocket('udp4')
const asked: string[] = []
let servers: readonly string[] = []

beforeAll(async () => {
  server.on('message', (question, { port, address }) => {
    const { name, type, end } = readQuestion(question)
    asked.push(name)
    if (name.includes('silent')) return
    const found = type === typeA ? known[name]?.a : type === typeAaaa ? known[name]?.aaaa : undefined
    const header = Buffer.from(question.subarray(0, end))
    header.writeUInt16BE(name in known ? 0x8180 : 0x8183, 2)
    header.writeUInt16BE(found?.length ?? 0, 6)
    header.writeUInt32BE(0, 8)
    const records = (found ?? []).map((ip) => {
      const data = ip.includes(':')
        ? Buffer.from(`20010db8${ip.slice(-1).padStart(24, '0')}`, 'hex')
        : ip.split('.').map(Number)
      return Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length, ...data])
    })
    server.send(Buffer.concat([header, ...records]), port, address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  servers = [`127.0.0.1:${server.address().port}`]
})
afterAll(() => server.close())

function readQuestion(message: Buffer) {
  const labels: string[] = []
  let at = 12
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 }
}

test('a name has the addresses of both families, in turns', async () => {
  expect(await lookupName('both.example', { servers })).toEqual(['192.0.2.1', '2001:db8::1', '192.0.2.2', '192.0.2.3'])
  expect(await lookupName('both.example.', { servers })).toHaveLength(4)
})

test('one family suffices', async () => {
  expect(await lookupName('old.example', { servers })).toEqual(['192.0.2.4'])
  expect(await lookupName('new.example', { servers })).toEqual(['2001:db8::2'])
})

test('a name that nobody knows has none', async () => {
  await expect(lookupName('other.example', { servers })).rejects.toMatchObject({ code: 'ENOTFOUND' })
})

test('names whose servers are silent delay no other one, and end with their abort', async () => {
  const aborts = Array.from({ length: 50 }, () => new AbortController())
  let ended = 0
  const ends = aborts.map(({ signal }, i) =>
    lookupName(`${i}.silent.example`, { servers, signal }).catch(() => ended++),
  )
  expect(await lookupName('old.example', { servers })).toEqual(['192.0.2.4'])
  expect(ended).toBe(0)
  for (const abort of aborts) abort.abort()
  await Promise.all(ends)
  expect(ended).toBe(50)
  await expect(lookupName('old.example', { servers, signal: AbortSignal.abort() })).rejects.toThrow()
})

test('this machine, and addresses however they are written, are known without a name server', async () => {
  const before = asked.length
  expect(await lookupName('localhost', { servers })).toContain('127.0.0.1')
  for (const host of ['127.1', '2130706433', '0x7f.1', '127.0.0.1']) {
    expect(await lookupName(host, { servers })).toEqual(['127.0.0.1'])
  }
  expect(asked.length).toBe(before)
})
