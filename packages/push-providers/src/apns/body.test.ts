import { parseHost } from '@smpkit/smp-commands/address'
import { expect, test } from 'vitest'
import { encodeItem, type PushItem } from '../items.js'
import { checkMessagesData, messageData, type NotificationData, verificationData } from '../notification-data.js'
import { bytesOf, vectors } from '../testing/vectors.js'
import { apnsBody } from './body.js'

interface Item {
  hosts: string[]
  port: string
  keyHash: string
  notifierId: string
  ntfTs: number
  nonce: string
  encMeta: string
}
interface Case {
  id: string
  in: { secret: string; nonce: string; paddedLength: number } & (
    | { kind: 'verification'; code: string }
    | { kind: 'message'; items: Item[] }
    | { kind: 'check' }
  )
  out?: { json: unknown; byteLength: number }
  error?: string
}

/** Of items without metadata the reference writes the rest, which we never do. */
function textOf(item: PushItem): string {
  if (item.encMeta.length > 0) return encodeItem(item)
  return encodeItem({ ...item, encMeta: Uint8Array.of(0) }).replace(/\S+$/, '')
}

function dataOf(input: Case['in']): NotificationData {
  const options = { nonce: bytesOf(input.nonce), paddedLength: input.paddedLength }
  if (input.kind === 'check') return checkMessagesData
  if (input.kind === 'verification') return verificationData(bytesOf(input.secret), bytesOf(input.code), options)
  const items = input.items.map(({ hosts, port, keyHash, notifierId, ntfTs, nonce, encMeta }) => ({
    server: { hosts: hosts.map((host) => parseHost(host)), port, keyHash: bytesOf(keyHash) },
    notifierId: bytesOf(notifierId),
    ntfTs,
    nonce: bytesOf(nonce),
    encMeta: bytesOf(encMeta),
  }))
  return messageData(bytesOf(input.secret), items.map(textOf).join(';'), options)
}

test.each(vectors<Case>('push-apns'))('vector %s', (_, { in: input, out, error }) => {
  if (error) return expect(() => dataOf(input)).toThrow(expect.objectContaining({ code: error }))
  const body = apnsBody(input.kind, dataOf(input))
  expect(JSON.parse(body)).toEqual(out?.json)
  expect(Buffer.byteLength(body)).toBe(out?.byteLength)
})
