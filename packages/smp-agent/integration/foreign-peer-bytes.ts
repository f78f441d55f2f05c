// Spec 01, 10 §10.1, 11, 12 §12.3: bytes and texts as the spec writes them down, made and taken apart by hand: our own codecs are what is tested.
import assert from 'node:assert/strict'
import {
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { box, openBox } from '@smpkit/crypto'

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
export const ascii = (text: string): Buffer => Buffer.from(text, 'latin1')

export function word(size: 1 | 2 | 4, value: number): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.writeUIntBE(value, 0, size)
  return bytes
}

export function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

/** One byte of length. */
export const short = (bytes: Uint8Array): Buffer => Buffer.concat([word(1, bytes.length), bytes])
/** Two bytes of length. */
export const large = (bytes: Uint8Array): Buffer => Buffer.concat([word(2, bytes.length), bytes])

/** Length, bytes, `#` up to `length` bytes. */
export function padded(bytes: Uint8Array, length: number): Buffer {
  assert(bytes.length + 2 <= length, 'expected bytes that fit')
  return Buffer.concat([large(bytes), Buffer.alloc(length - 2 - bytes.length, '#')])
}

/** What was padded; all that follows it has to be `#`. */
export function unpadded(bytes: Buffer): Buffer {
  const end = 2 + bytes.readUInt16BE(0)
  assert(end <= bytes.length, 'expected padding')
  assert(bytes.subarray(end).every((byte) => byte === 0x23))
  return bytes.subarray(2, end)
}

/** Takes fields off the front. */
export class Fields {
  #rest: Buffer

  constructor(bytes: Uint8Array) {
    this.#rest = Buffer.from(bytes)
  }

  get length(): number {
    return this.#rest.length
  }

  take(length: number): Buffer {
    assert(length <= this.#rest.length, 'expected more bytes')
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }

  word(size: 1 | 2 | 4): number {
    return this.take(size).readUIntBE(0, size)
  }

  int64(): bigint {
    return this.take(8).readBigInt64BE()
  }

  short(): Buffer {
    return this.take(this.word(1))
  }

  large(): Buffer {
    return this.take(this.word(2))
  }

  letter(): string {
    return this.take(1).toString('latin1')
  }

  /** A length of two bytes if its first one is below 32, else of one byte (10 §10.6.3). */
  eitherLength(): { size: 1 | 2; bytes: Buffer } {
    const size = (this.#rest[0] ?? 0) < 32 ? 2 : 1
    return { size, bytes: this.take(this.word(size)) }
  }

  tail(): Buffer {
    return this.take(this.length)
  }

  end(): void {
    assert.equal(this.length, 0, 'expected nothing more')
  }
}

export interface Pair {
  readonly secret: KeyObject
  /** SPKI: 44 bytes (X25519) or 68 (X448). */
  readonly spki: Buffer
}

export function generate(algorithm: 'x25519' | 'x448'): Pair {
  // One overload for each algorithm.
  const pair = algorithm === 'x25519' ? generateKeyPairSync('x25519') : generateKeyPairSync('x448')
  return { secret: pair.privateKey, spki: pair.publicKey.export({ type: 'spki', format: 'der' }) }
}

export function dh({ secret }: Pair, spki: Uint8Array): Buffer {
  const publicKey = createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' })
  return diffieHellman({ privateKey: secret, publicKey })
}

/** The bytes of an X448 key without its algorithm. */
export const raw448 = (spki: Buffer): Buffer => spki.subarray(12)

/** Body of a `SEND` (11 §11.2): a key of the sender and 15904 padded bytes, or none and 16000. */
export function clientEnvelope(secret: Uint8Array, version: number, key: Buffer | null, message: Buffer): Buffer {
  const nonce = randomBytes(24)
  const header = key ? Buffer.concat([ascii('1'), short(key)]) : ascii('0')
  const boxed = box(secret, nonce, padded(message, key ? 15904 : 16000))
  const body = Buffer.concat([word(2, version), header, nonce, boxed])
  assert.equal(body.length, key ? 15992 : 16043)
  return body
}

export interface OpenedEnvelope {
  readonly version: number
  readonly dhKey: Buffer | null
  readonly secret: Uint8Array
  readonly message: Fields
}

/** `secretOf`: what is shared with who has the key of the header, if there is one. */
export function openClientEnvelope(
  body: Uint8Array,
  secretOf: (key: Buffer | null) => Uint8Array | undefined,
): OpenedEnvelope {
  const fields = new Fields(body)
  const version = fields.word(2)
  const hasKey = fields.letter()
  assert(hasKey === '0' || hasKey === '1')
  const dhKey = hasKey === '1' ? fields.short() : null
  assert.equal(body.length, dhKey ? 15992 : 16043)
  assert.equal(dhKey?.length ?? 44, 44)
  const secret = secretOf(dhKey)
  assert(secret, 'expected a key in the first message')
  const nonce = fields.take(24)
  const plain = Buffer.from(openBox(secret, nonce, fields.tail()))
  assert.equal(plain.length, dhKey ? 15904 : 16000)
  return { version, dhKey, secret, message: new Fields(unpadded(plain)) }
}

export interface Address {
  readonly host: string
  readonly port: string
  readonly keyHash: Buffer
}

export interface QueueAddress extends Address {
  readonly senderId: Buffer
  readonly dhKey: Buffer
  /** `M`, `C`, or empty where it is not told. */
  readonly mode: string
}

export const server = ({ host, port, keyHash }: Address): Buffer =>
  Buffer.concat([word(1, 1), short(ascii(host)), short(ascii(port)), short(keyHash)])

export function takeServer(fields: Fields): Address {
  assert.equal(fields.word(1), 1, 'expected one host')
  const [host, port, keyHash] = [fields.short(), fields.short(), fields.short()]
  return { host: host.toString(), port: port.toString(), keyHash }
}

/** smp-queue-info; its mode is told from version 3 on, as `T` in version 3. */
export function queueInfo(version: number, queue: QueueAddress): Buffer {
  const mode = version >= 4 ? queue.mode : version === 3 && queue.mode === 'M' ? 'T' : ''
  return Buffer.concat([word(2, version), server(queue), short(queue.senderId), short(queue.dhKey), ascii(mode)])
}

export function takeQueueInfo(fields: Fields): { version: number; queue: QueueAddress } {
  const version = fields.word(2)
  const address = takeServer(fields)
  const [senderId, dhKey] = [fields.short(), fields.short()]
  const mode = version >= 4 ? fields.letter() : version === 3 ? fields.letter().replace('T', 'M') : ''
  return { version, queue: { ...address, senderId, dhKey, mode } }
}

const base64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
const fromBase64url = (text: string): Buffer => Buffer.from(text, 'base64url')

/** The text of a queue in a link; `range` as in `4` or `1-4`. */
export function queueUri(range: string, { host, port, keyHash, senderId, dhKey, mode }: QueueAddress): string {
  const query = `v=${range}&dh=${encodeURIComponent(base64url(dhKey))}`
  const where = `smp://${base64url(keyHash)}@${host}:${port}/${base64url(senderId)}`
  const isOld = mode === 'M' && Number.parseInt(range, 10) < 4
  return `${where}#/?${query}${mode ? `&q=${mode.toLowerCase()}` : ''}${isOld ? '&k=s' : ''}`
}

export interface LinkKeys {
  /** `2` or `2-3`. */
  readonly range: string
  readonly key1: Buffer
  readonly key2: Buffer
  readonly kem: Buffer | null
}

export function link(agentRange: string, uri: string, keys?: LinkKeys): string {
  const start = `simplex:/${keys ? 'invitation' : 'contact'}#/?v=${agentRange}&smp=${encodeURIComponent(uri)}`
  if (!keys) return start
  const kem = keys.kem ? `&kem_key=${base64url(keys.kem)}` : ''
  const e2e = `v=${keys.range}&x3dh=${base64url(keys.key1)},${base64url(keys.key2)}${kem}`
  return `${start}&e2e=${encodeURIComponent(e2e)}`
}

function queryOf(text: string): Map<string, string> {
  return new Map(text.split('&').map((pair) => pair.split(/=(.*)/s, 2) as [string, string]))
}

function fieldOf(query: Map<string, string>, name: string): string {
  const value = query.get(name)
  assert(value !== undefined, `expected ${name} in a link`)
  return value
}

/** What a full link of an agent of ours says: one queue on one host, and nothing but what it has to say. */
export function takeLink(text: string): {
  type: string
  agentRange: string
  clientRange: string
  queue: QueueAddress
  keys: LinkKeys | null
} {
  const [, type = '', params = ''] = /^simplex:\/(invitation|contact)#\/\?(.*)$/.exec(text) ?? assert.fail(text)
  const outer = queryOf(params)
  assert.deepEqual([...outer.keys()], type === 'contact' ? ['v', 'smp'] : ['v', 'smp', 'e2e'])
  const uri = decodeURIComponent(fieldOf(outer, 'smp'))
  const parts = /^smp:\/\/([^@]+)@([^:]+):(\d+)\/([\w=-]+)#\/\?(.*)$/.exec(uri) ?? assert.fail(uri)
  const [, keyHash = '', host = '', port = '', senderId = '', inner = ''] = parts
  const query = queryOf(inner)
  assert.deepEqual([...query.keys()], ['v', 'dh', 'q'])
  const queue = {
    host,
    port,
    keyHash: fromBase64url(keyHash),
    senderId: fromBase64url(senderId),
    dhKey: fromBase64url(decodeURIComponent(fieldOf(query, 'dh'))),
    mode: fieldOf(query, 'q').toUpperCase(),
  }
  assert.equal(queue.mode, type === 'contact' ? 'C' : 'M')
  const e2e = outer.get('e2e')
  const keys = e2e === undefined ? null : takeKeys(queryOf(decodeURIComponent(e2e)))
  return { type, agentRange: fieldOf(outer, 'v'), clientRange: fieldOf(query, 'v'), queue, keys }
}

function takeKeys(query: Map<string, string>): LinkKeys {
  const [key1, key2] = fieldOf(query, 'x3dh').split(',').map(fromBase64url)
  assert(key1?.length === 68 && key2?.length === 68)
  const kem = query.get('kem_key')
  return { range: fieldOf(query, 'v'), key1, key2, kem: kem === undefined ? null : fromBase64url(kem) }
}
