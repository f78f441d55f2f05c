import { PrivateKey, signKey } from '@smpkit/crypto'
import { DecodeError, encode, pad, unpad } from '@smpkit/encoding'
import { HandshakeError, packBlock } from '@smpkit/smp-commands'
import { parseHost } from '@smpkit/smp-commands/address'
import { describe, expect, test } from 'vitest'
import { authorizeNtf } from './authorization.js'
import { maxNtfTransmissionLength } from './batch.js'
import { clientHandshake } from './client-handshake.js'
import type { NtfCommand } from './commands.js'
import { ntfClientHello, ntfServerHello } from './hellos.js'
import { receiveCommands, receiveResponses } from './receive.js'
import { writeResponse } from './respond.js'
import type { NtfResponse } from './responses.js'
import { serverHandshake } from './server-handshake.js'
import { endsOf, versions } from './testing/values.js'
import { ntfBlockSize, ntfVersions } from './versions.js'

const rounds = process.env.FULL_VOLUME === '1' ? 200_000 : 20_000

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
type Random = ReturnType<typeof generator>

const id = new Uint8Array(24).fill(5)
const key = PrivateKey.fromRaw('ed25519', new Uint8Array(32).fill(1))
const dhKey = PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(2)).publicKey

const commands: NtfCommand[] = [
  { tag: 'TNEW', provider: 'AP', token: new Uint8Array(64).fill(0x61), authKey: key.publicKey, dhKey },
  { tag: 'TVFY', code: new Uint8Array(32) },
  { tag: 'TCHK' },
  { tag: 'TRPL', provider: 'AN', token: new Uint8Array(14).fill(0x61) },
  { tag: 'TCRN', minutes: 20 },
  {
    tag: 'SNEW',
    tokenId: id,
    server: { hosts: ['smp.test', '10.0.0.1', '::1'].map(parseHost), port: '5223', keyHash: new Uint8Array(32) },
    notifierId: id,
    notifierKey: key,
  },
  { tag: 'PING' },
]

const responses: NtfResponse[] = [
  { tag: 'IDTKN', tokenId: id, dhKey },
  { tag: 'IDSUB', subscriptionId: id },
  { tag: 'OK' },
  { tag: 'TKN', status: 'INVALID', reason: 'EXPIRED' },
  { tag: 'SUB', status: 'ERR', errorText: new TextEncoder().encode('SMP error') },
  { tag: 'PONG' },
  {
    tag: 'ERR',
    error: { code: 'PROXY', inner: { code: 'PROTOCOL', inner: { code: 'CMD', inner: { code: 'SYNTAX' } } } },
  },
  { tag: 'ERR', error: { code: 'STORE', text: 'text' } },
]

/** Valid blocks of a version, those from version 2 on with one or two transmissions. */
function contentsOf(version: (typeof versions)[number]): Uint8Array[] {
  const { client, server } = endsOf(version)
  const creating = ['TNEW', 'SNEW', 'PING', 'IDTKN', 'IDSUB', 'PONG']
  const entityOf = (tag: string) => (creating.includes(tag) ? new Uint8Array(0) : id)
  const all = [
    ...commands.map((command) => {
      const entityId = entityOf(command.tag)
      return authorizeNtf(client, { corrId: id, entityId, command, key: command.tag === 'PING' ? null : key })
        .transmission
    }),
    ...responses.map((response) => writeResponse(server, { corrId: id, entityId: entityOf(response.tag), response })),
  ]
  if (version === 1) return all
  return all.map((transmission, i) => packBlock(i % 2 ? [transmission] : [transmission, all[i + 1] ?? transmission]))
}

function noise(random: Random): Uint8Array {
  const bytes = new Uint8Array(random(ntfBlockSize - 1))
  for (let i = 0; i < bytes.length; i++) bytes[i] = random(256)
  // Mostly a plausible beginning, so that it gets further than the first length.
  if (bytes.length > 4 && random(4) > 0) {
    bytes.set([1, (bytes.length - 3) >> 8, bytes.length - 3, 0])
  }
  return bytes
}

/** One to four changes: a byte, a piece cut out, put in or doubled. */
function mutated(valid: Uint8Array, random: Random): Uint8Array {
  let bytes = Array.from(valid)
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(bytes.length + 1)
    const kind = random(8)
    if (kind < 4) bytes[Math.min(at, bytes.length - 1)] = random(256)
    else if (kind === 4) bytes.splice(at, random(8))
    else if (kind === 5) bytes.splice(at, 0, ...bytes.slice(at, at + random(8)))
    else if (kind === 6) bytes[Math.min(at, bytes.length - 1)] = random(2) * 0xff
    else bytes = bytes.slice(0, at)
    if (bytes.length === 0) return new Uint8Array(0)
  }
  // The length of a single transmission follows, so that what is inside is reached.
  if (bytes[0] === 1 && bytes.length > 3 && random(2)) {
    bytes[1] = (bytes.length - 3) >> 8
    bytes[2] = (bytes.length - 3) & 0xff
  }
  return Uint8Array.from(bytes.slice(0, ntfBlockSize - 2))
}

/** A block as it comes from the network; now and then its length is a lie. */
function contentIn(block: Uint8Array, random: Random): Uint8Array | undefined {
  if (random(32) === 0) block[0] = random(256)
  try {
    return unpad(block)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return undefined
  }
}

describe(`${rounds} random and mutated blocks of 512 bytes`, { timeout: 300_000 }, () => {
  test('are commands and responses, or errors with bounded ids', () => {
    const random = generator(20_261_125)
    const sessions = versions.map((version) => ({ ...endsOf(version), contents: contentsOf(version) }))
    let read = 0
    let refused = 0
    for (let i = 0; i < rounds; i++) {
      const { client, server, contents } = sessions[random(sessions.length)] as (typeof sessions)[number]
      const content = i % 4 === 0 ? noise(random) : mutated(contents[random(contents.length)] as Uint8Array, random)
      const received = contentIn(pad(content, ntfBlockSize), random)
      if (!received) continue
      const items = [...receiveCommands(server, received), ...receiveResponses(client, received)]
      // At most one for each two bytes of length that it would need.
      if (items.length < 2 || items.length > ntfBlockSize) throw new Error(`${items.length} items`)
      for (const item of items) {
        if (item.corrId.length > 255 || item.entityId.length > 255) throw new Error('ids too long')
        if (!('error' in item)) read++
        else {
          refused++
          // Whatever is wrong can be answered, if the ids leave room for it.
          const { corrId, entityId, error } = item
          const answer = writeResponse(server, { corrId, entityId, response: { tag: 'ERR', error } })
          const rest = 100 + corrId.length + entityId.length
          if (answer.length > Math.max(rest, maxNtfTransmissionLength(server.version)))
            throw new Error('answer too long')
        }
      }
    }
    // Both kinds have been there, so that the test has tested something.
    expect(read).toBeGreaterThan(rounds / 20)
    expect(refused).toBeGreaterThan(rounds / 20)
  })

  test('are hellos or HandshakeErrors', () => {
    const random = generator(512)
    const sessionId = new Uint8Array(32).fill(3)
    const keyHash = new Uint8Array(32).fill(4)
    const end = serverHandshake({
      alpn: true,
      sessionId,
      leafPrivateKey: key,
      sessionPrivateKey: PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(2)),
      keyHash,
      versionRange: ntfVersions,
    })
    const signedKey = signKey(key, dhKey)
    const valid = [
      encode(ntfServerHello, { versionRange: ntfVersions, sessionId, signedKey }),
      encode(ntfServerHello, { versionRange: { min: 1, max: 1 }, sessionId, signedKey: null }),
      encode(ntfClientHello, { version: 3, keyHash }),
    ]
    let accepted = 0
    let refused = 0
    for (let i = 0; i < rounds; i++) {
      const sample = valid[random(valid.length)] as Uint8Array
      const bytes = i % 8 === 0 ? noise(random) : mutated(sample, random)
      for (const run of [
        () => end.accept(bytes),
        () => clientHandshake({ sessionId, serverHello: bytes, tlsPeerChain: [], keyHash, versionRange: ntfVersions }),
      ]) {
        try {
          run()
          accepted++
        } catch (error) {
          if (!(error instanceof HandshakeError)) throw error
          refused++
        }
      }
    }
    expect(accepted).toBeGreaterThan(rounds / 100)
    expect(refused).toBeGreaterThan(rounds / 2)
  })
})
