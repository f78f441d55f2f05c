// Spec 10 §10.3 to §10.7: X3DH and the double ratchet, by hand: for messages that all come, in order.
import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { decapsulate, encapsulate, generateKemKeyPair } from '@smpkit/ratchet'
import {
  ascii,
  dh,
  Fields,
  generate,
  type LinkKeys,
  large,
  type Pair,
  padded,
  raw448,
  short,
  unpadded,
  word,
} from './foreign-peer-bytes.js'

const none = Buffer.alloc(0)

/** 96 bytes in three parts. */
function kdf(salt: Buffer, input: Buffer, info: string): [Buffer, Buffer, Buffer] {
  const out = Buffer.from(hkdfSync('sha512', input, salt, info, 96))
  return [out.subarray(0, 32), out.subarray(32, 64), out.subarray(64)]
}

const rootKdf = (root: Buffer, secret: Buffer, kem: Buffer = none) =>
  kdf(root, Buffer.concat([secret, kem]), 'SimpleXRootRatchet')

function chainKdf(chain: Buffer): { next: Buffer; key: Buffer; iv: Buffer; headerIv: Buffer } {
  const [next, key, ivs] = kdf(none, chain, 'SimpleXChainRatchet')
  return { next, key, iv: ivs.subarray(0, 16), headerIv: ivs.subarray(16) }
}

function seal(key: Buffer, iv: Buffer, aad: Buffer, plain: Buffer): { tag: Buffer; text: Buffer } {
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad)
  const text = Buffer.concat([cipher.update(plain), cipher.final()])
  return { tag: cipher.getAuthTag(), text }
}

function open(key: Buffer, iv: Buffer, aad: Buffer, { tag, text }: { tag: Buffer; text: Buffer }): Buffer | null {
  const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(aad)
  decipher.setAuthTag(tag)
  try {
    return Buffer.concat([decipher.update(text), decipher.final()])
  } catch {
    return null
  }
}

interface Kem {
  readonly pair: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }
  readonly ciphertext: Uint8Array | null
}

/** The keys of parameters, and what of a KEM comes with them. */
export interface Params {
  readonly version: number
  readonly key1: Buffer
  readonly key2: Buffer
  readonly ciphertext: Buffer | null
  readonly kem: Buffer | null
}

function paramsToBytes({ version, key1, key2, ciphertext, kem }: Params): Buffer {
  const parts = [word(2, version), short(key1), short(key2)]
  if (version >= 3) parts.push(kemToBytes(ciphertext, kem))
  return Buffer.concat(parts)
}

const kemToBytes = (ciphertext: Uint8Array | null, key: Uint8Array | null): Buffer => {
  if (!key) return ascii('0')
  return Buffer.concat(ciphertext ? [ascii('1A'), large(ciphertext), large(key)] : [ascii('1P'), large(key)])
}

function takeKem(fields: Fields): Pick<Params, 'ciphertext' | 'kem'> {
  if (fields.letter() === '0') return { ciphertext: null, kem: null }
  const ciphertext = fields.letter() === 'A' ? fields.large() : null
  const kem = fields.large()
  assert.equal(kem.length, 1158)
  assert.equal(ciphertext?.length ?? 1039, 1039)
  return { ciphertext, kem }
}

export function takeParams(fields: Fields): Params {
  const version = fields.word(2)
  const [key1, key2] = [fields.short(), fields.short()]
  return { version, key1, key2, ...(version >= 3 ? takeKem(fields) : { ciphertext: null, kem: null }) }
}

/** What an initiator keeps of its invitation. */
export interface InvitationKeys {
  readonly pair1: Pair
  readonly pair2: Pair
  readonly kem: Kem['pair'] | null
}

export function invitationKeys({ kem }: { kem: boolean }): InvitationKeys {
  return { pair1: generate('x448'), pair2: generate('x448'), kem: kem ? generateKemKeyPair() : null }
}

export interface Decrypted {
  readonly plain: Buffer
  /** What the body and the header were padded to. */
  readonly paddedLength: number
  readonly headerLength: number
  /** A KEM secret was mixed into its chain. */
  readonly pq: boolean
}

export class ForeignRatchet {
  readonly #maxVersion: number
  readonly #ad: Buffer
  #version: number
  #pair: Pair
  #root: Buffer
  #send: { chain: Buffer; header: Buffer } | null = null
  #receive: { chain: Buffer; header: Buffer } | null = null
  #nextSendHeader: Buffer
  #nextReceiveHeader: Buffer
  #kem: Kem | null = null
  #supportKem: boolean
  #enableKem: boolean
  #receiveKem = false
  #ns = 0
  #nr = 0
  #pn = 0

  private constructor(
    [header, nextHeader, root]: [Buffer, Buffer, Buffer],
    { isJoiner, ad, version, maxVersion, pair, pq }: Start & { isJoiner: boolean; ad: Buffer; pair: Pair },
  ) {
    this.#ad = ad
    this.#version = version
    this.#maxVersion = maxVersion
    this.#pair = pair
    this.#root = root
    this.#nextSendHeader = isJoiner ? header : nextHeader
    this.#nextReceiveHeader = isJoiner ? nextHeader : header
    this.#supportKem = pq
    this.#enableKem = pq
  }

  /** 10.4, 10.5.2. The parameters are for the confirmation. */
  static join({ key1, key2, kem }: LinkKeys, start: Start): { ratchet: ForeignRatchet; params: Buffer } {
    const [pair1, pair2, pair] = [generate('x448'), generate('x448'), generate('x448')]
    const own = start.pq ? generateKemKeyPair() : null
    const accepted = own && kem ? encapsulate(kem) : null
    const secret = accepted ? Buffer.from(accepted.sharedSecret) : none
    const agreed = Buffer.concat([dh(pair2, key1), dh(pair1, key2), dh(pair2, key2), secret])
    const ad = Buffer.concat([raw448(pair1.spki), raw448(key1)])
    const ratchet = new ForeignRatchet(x3dh(agreed), { ...start, isJoiner: true, ad, pair })
    const [root, chain, nextHeader] = rootKdf(ratchet.#root, dh(pair, key2), secret)
    ratchet.#root = root
    ratchet.#send = { chain, header: ratchet.#nextSendHeader }
    ratchet.#nextSendHeader = nextHeader
    ratchet.#kem = own && { pair: own, ciphertext: accepted?.ciphertext ?? null }
    const { version } = start
    const ciphertext = accepted && Buffer.from(accepted.ciphertext)
    const kemKey = own && Buffer.from(own.publicKey)
    const params = paramsToBytes({ version, key1: pair1.spki, key2: pair2.spki, ciphertext, kem: kemKey })
    return { ratchet, params }
  }

  /** 10.4, 10.5.3. */
  static initiate({ pair1, pair2, kem }: InvitationKeys, theirs: Params, start: Start): ForeignRatchet {
    if (theirs.ciphertext) assert(kem && theirs.kem, 'expected nothing encapsulated without a key of ours')
    const secret = theirs.ciphertext && kem ? Buffer.from(decapsulate(kem.secretKey, theirs.ciphertext)) : none
    const agreed = Buffer.concat([dh(pair1, theirs.key2), dh(pair2, theirs.key1), dh(pair2, theirs.key2), secret])
    const ad = Buffer.concat([raw448(theirs.key1), raw448(pair1.spki)])
    const ratchet = new ForeignRatchet(x3dh(agreed), { ...start, isJoiner: false, ad, pair: pair2 })
    // The peer's key stands in the next header again: what is encapsulated to it is not needed before.
    ratchet.#kem = theirs.ciphertext && kem ? { pair: kem, ciphertext: null } : null
    return ratchet
  }

  /** `choice`: of the post-quantum ratchet (10.6.4). */
  encrypt(body: Buffer, paddedLength: number, choice: boolean | null): Buffer {
    assert(this.#send, 'expected a sending chain')
    if (choice !== null) this.#enableKem = choice
    this.#supportKem ||= this.#version >= 3 && this.#enableKem
    const { next, key, iv, headerIv } = chainKdf(this.#send.chain)
    const kem = this.#version >= 3 ? kemToBytes(this.#kem?.ciphertext ?? null, this.#kem?.pair.publicKey ?? null) : none
    const fields = [word(2, this.#maxVersion), short(this.#pair.spki), kem, word(4, this.#pn), word(4, this.#ns)]
    const isLong = this.#supportKem && this.#version >= 3
    const sealed = seal(this.#send.header, headerIv, this.#ad, padded(Buffer.concat(fields), isLong ? 2310 : 88))
    const size = this.#version >= 3 ? 2 : 1
    const headerLength = word(size, sealed.text.length)
    const header = Buffer.concat([word(2, this.#version), headerIv, sealed.tag, headerLength, sealed.text])
    const message = seal(key, iv, Buffer.concat([this.#ad, header]), padded(body, paddedLength))
    this.#send = { chain: next, header: this.#send.header }
    this.#ns++
    return Buffer.concat([word(size, header.length), header, message.tag, message.text])
  }

  decrypt(bytes: Buffer): Decrypted {
    const fields = new Fields(bytes)
    const outer = fields.eitherLength()
    const header = outer.bytes
    const body = { tag: fields.take(16), text: fields.tail() }
    const inner = new Fields(header)
    const version = inner.word(2)
    assert(version === this.#version || version === 3, 'expected the version of the ratchet')
    const [iv, tag, sealed] = [inner.take(16), inner.take(16), inner.eitherLength()]
    inner.end()
    assert.deepEqual([outer.size, sealed.size], version >= 3 ? [2, 2] : [1, 1])
    const text = { tag, text: sealed.bytes }
    const same = this.#receive && open(this.#receive.header, iv, this.#ad, text)
    const advanced = same ? null : open(this.#nextReceiveHeader, iv, this.#ad, text)
    const plain = new Fields(unpadded(same ?? advanced ?? assert.fail('expected a header of this ratchet')))
    const max = plain.word(2)
    const spki = plain.short()
    const kem = version >= 3 ? takeKem(plain) : { ciphertext: null, kem: null }
    const [pn, ns] = [plain.word(4), plain.word(4)]
    plain.end()
    if (max > this.#version) this.#version = Math.max(this.#version, Math.min(max, this.#maxVersion))
    if (advanced) this.#advance({ spki, pn, ...kem })
    assert(this.#receive)
    assert.equal(ns, this.#nr, 'expected the next message')
    const step = chainKdf(this.#receive.chain)
    this.#receive = { ...this.#receive, chain: step.next }
    this.#nr++
    const opened = open(step.key, step.iv, Buffer.concat([this.#ad, header]), body)
    assert(opened, 'expected a body of this ratchet')
    return {
      plain: unpadded(opened),
      paddedLength: opened.length,
      headerLength: sealed.bytes.length,
      pq: this.#receiveKem,
    }
  }

  #advance({ spki, pn, ciphertext, kem }: { spki: Buffer; pn: number } & Pick<Params, 'ciphertext' | 'kem'>): void {
    assert(!this.#receive || pn === this.#nr, 'expected that all of the former chain has come')
    const own = this.#kem
    const isOn = this.#enableKem && this.#version >= 3
    let receiveSecret: Buffer | undefined
    let sendSecret: Buffer | undefined
    this.#kem = null
    if (!kem) {
      if (isOn && !own) this.#kem = { pair: generateKemKeyPair(), ciphertext: null }
    } else {
      if (ciphertext) {
        assert(own, 'expected a ciphertext for a key of ours')
        receiveSecret = Buffer.from(decapsulate(own.pair.secretKey, ciphertext))
      }
      if (isOn) {
        const made = encapsulate(kem)
        sendSecret = Buffer.from(made.sharedSecret)
        this.#kem = { pair: generateKemKeyPair(), ciphertext: made.ciphertext }
      }
    }
    const pair = generate('x448')
    const [root1, receiving, nextReceive] = rootKdf(this.#root, dh(this.#pair, spki), receiveSecret)
    const [root2, sending, nextSend] = rootKdf(root1, dh(pair, spki), sendSecret)
    this.#send = { chain: sending, header: this.#nextSendHeader }
    this.#receive = { chain: receiving, header: this.#nextReceiveHeader }
    this.#nextSendHeader = nextSend
    this.#nextReceiveHeader = nextReceive
    this.#root = root2
    this.#pair = pair
    this.#pn = this.#ns
    this.#ns = 0
    this.#nr = 0
    this.#receiveKem = receiveSecret !== undefined
    this.#enableKem = sendSecret !== undefined || this.#receiveKem || this.#kem !== null
    this.#supportKem ||= this.#version >= 3 && this.#enableKem
  }
}

export interface Start {
  readonly version: number
  readonly maxVersion: number
  /** Whether we support the post-quantum ratchet. */
  readonly pq: boolean
}

const x3dh = (agreed: Buffer): [Buffer, Buffer, Buffer] => kdf(Buffer.alloc(64), agreed, 'SimpleXX3DH')
