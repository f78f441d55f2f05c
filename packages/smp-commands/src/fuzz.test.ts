import { PrivateKey, type PublicKey } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { authorize } from './authorization.js'
import { packBlock, parseBlock } from './batch.js'
import { type BrokerMessage, type Command, messageFormat } from './commands.js'
import { ParseError } from './errors.js'
import { receiveCommand, receiveMessage } from './receive.js'
import type { ClientSession } from './session.js'
import { plainTransmission } from './transmission.js'
import type { SmpVersion } from './versions.js'

/** The same numbers in each run, so that what it finds can be found again. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const id = new Uint8Array(24).fill(5)
const key = PrivateKey.fromRaw('ed25519', new Uint8Array(32).fill(1))
const authKey: PublicKey<'ed25519'> = key.publicKey
const dhKey = PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(2)).publicKey
const largeData = new Uint8Array(200).fill(9)

const commands: Command[] = [
  {
    tag: 'NEW',
    authKey,
    dhKey,
    basicAuth: 'password',
    subMode: 'subscribe',
    queueReq: { mode: 'contact', link: { linkId: id, senderId: id, fixedData: largeData, userData: largeData } },
    ntfCreds: { authKey, dhKey },
  },
  { tag: 'SUB' },
  { tag: 'ACK', msgId: id },
  { tag: 'RKEY', keys: [authKey, authKey] },
  { tag: 'LSET', linkId: id, fixedData: largeData, userData: largeData },
  { tag: 'NKEY', authKey, dhKey },
  { tag: 'SEND', notification: true, body: largeData },
  {
    tag: 'PRXY',
    server: { hosts: [{ type: 'domain', text: 'smp.test' }], port: '5223', keyHash: id },
    basicAuth: null,
  },
  { tag: 'PFWD', fwdVersion: 17, commandKey: dhKey, encTransmission: largeData },
  { tag: 'PING' },
]

const messages: BrokerMessage[] = [
  {
    tag: 'IDS',
    recipientId: id,
    senderId: id,
    serverDhKey: dhKey,
    queueMode: 'messaging',
    linkId: id,
    serviceId: id,
    ntfCreds: { notifierId: id, serverDhKey: dhKey },
  },
  { tag: 'LNK', senderId: id, fixedData: largeData, userData: largeData },
  { tag: 'MSG', msgId: id, encBody: largeData },
  { tag: 'NMSG', nonce: id, encMeta: new Uint8Array(144) },
  { tag: 'SOK', serviceId: id },
  {
    tag: 'ERR',
    error: { code: 'PROXY', inner: { code: 'PROTOCOL', inner: { code: 'CMD', inner: { code: 'SYNTAX' } } } },
  },
  { tag: 'ERR', error: { code: 'BLOCKED', reason: 'spam', notice: { ttl: 5 } } },
  { tag: 'ERR', error: { code: 'STORE', text: 'text' } },
  { tag: 'END' },
]

function sessionOf(version: number): ClientSession {
  return {
    version: version as SmpVersion,
    sessionId: new Uint8Array(32).fill(3),
    serverKey: dhKey,
    sessionSecret: new Uint8Array(32).fill(4),
    service: null,
  }
}

/** Valid blocks of one or two transmissions at a version. */
function blocksOf(session: ClientSession): Uint8Array[] {
  const sent = commands.map((command) =>
    authorize(session, { corrId: id, entityId: id, command, key: command.tag === 'PING' ? null : key }),
  )
  const answered = messages.map((message) =>
    plainTransmission(id, id, (w) => messageFormat(session.version).write(w, message)),
  )
  const all = [...sent.map(({ transmission }) => transmission), ...answered]
  return all.map((transmission, i) => packBlock(i % 2 ? [transmission] : [transmission, all[i + 1] ?? transmission]))
}

describe('random and mutated blocks', () => {
  it('give a value or a typed error, 200,000 times', () => {
    const random = generator(20_261_125)
    const sessions = [14, 15, 16, 17, 18, 19, 20].map((version) => {
      const session = sessionOf(version)
      return { session, blocks: blocksOf(session) }
    })
    let read = 0
    let refused = 0
    for (let i = 0; i < 200_000; i++) {
      const { session, blocks } = sessions[random(sessions.length)] as (typeof sessions)[0]
      const block = i % 4 === 0 ? noise(random) : mutated(blocks[random(blocks.length)] as Uint8Array, random)
      let transmissions: Uint8Array[] = []
      try {
        transmissions = parseBlock(block)
      } catch (error) {
        if (!(error instanceof ParseError) || error.code !== 'BLOCK') throw error
        refused++
      }
      for (const transmission of transmissions) {
        const command = receiveCommand(session, transmission)
        const message = receiveMessage(session, transmission)
        if ('error' in command && message.error) refused++
        else read++
      }
    }
    // Both kinds have been there, so that the test has tested something.
    expect(read).toBeGreaterThan(10_000)
    expect(refused).toBeGreaterThan(10_000)
  })
})

function noise(random: (below: number) => number): Uint8Array {
  const bytes = new Uint8Array(random(16) === 0 ? random(16_367) : random(200))
  for (let i = 0; i < bytes.length; i++) bytes[i] = random(256)
  // Mostly a plausible beginning, so that it gets further than the first length.
  if (bytes.length > 3 && random(4) > 0) {
    bytes[0] = 1
    bytes[1] = (bytes.length - 3) >> 8
    bytes[2] = bytes.length - 3
  }
  return bytes
}

/** One to four changes: a byte, a piece cut out, put in or doubled. */
function mutated(valid: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes = Array.from(valid)
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(bytes.length + 1)
    const kind = random(8)
    if (kind < 4) bytes[Math.min(at, bytes.length - 1)] = random(256)
    else if (kind === 4) bytes.splice(at, random(8))
    else if (kind === 5) bytes.splice(at, 0, ...bytes.slice(at, at + random(8)))
    else if (kind === 6) bytes[Math.min(at, bytes.length - 1)] = (random(2) * 0xff) as number
    else bytes = bytes.slice(0, at)
    if (bytes.length === 0) return new Uint8Array(0)
  }
  // The length of a single transmission follows, so that what is inside is reached.
  if (bytes[0] === 1 && bytes.length > 3 && random(2)) {
    bytes[1] = (bytes.length - 3) >> 8
    bytes[2] = (bytes.length - 3) & 0xff
  }
  return Uint8Array.from(bytes)
}
