// Spec 10.6.1 to 10.6.3: the layout of a message and of its header.
import type { PublicKey } from '@smpkit/crypto'
import { type Codec, Reader, record, Writer, word16, word32 } from '@smpkit/encoding'
import { type KemParams, kemParams, x448Key } from './fields.js'
import { kemSince } from './versions.js'

export const ivLength = 16
export const tagLength = 16

/** Inside the encryption of the header. */
export interface MessageHeader {
  readonly maxVersion: number
  readonly dhKey: PublicKey<'x448'>
  readonly kem: KemParams | null
  /** Messages of the chain before this one. */
  readonly pn: number
  /** The number of the message in its chain. */
  readonly ns: number
}

const beforeKem = record<Pick<MessageHeader, 'maxVersion' | 'dhKey'>>({ maxVersion: word16, dhKey: x448Key })
const afterKem = record<Pick<MessageHeader, 'pn' | 'ns'>>({ pn: word32, ns: word32 })

/** 79 (version 2), 80, 1241 (proposed) or 2282 (accepted) bytes; `version` is that of the encrypted header. */
export function messageHeader(version: number): Codec<MessageHeader> {
  return {
    write(w, header) {
      beforeKem.write(w, header)
      if (version >= kemSince) kemParams.write(w, header.kem)
      afterKem.write(w, header)
    },
    read(r) {
      const before = beforeKem.read(r)
      const kem = version >= kemSince ? kemParams.read(r) : null
      return { ...before, kem, ...afterKem.read(r) }
    },
  }
}

/** What a header is padded to before it is encrypted. */
export function paddedHeaderLength(version: number, supportKem: boolean): number {
  return supportKem && version >= kemSince ? 2310 : 88
}

/** The lengths in front of an encrypted header and of its ciphertext. */
function writeLength(w: Writer, version: number, length: number): void {
  if (version >= kemSince) w.word16(length)
  else w.byte(length)
}

/** Either form: lengths of one byte are above 31, the first byte of the others below. */
function readLength(r: Reader): number {
  const first = r.peek()
  return first !== undefined && first < 32 ? r.word16() : r.byte()
}

/** 123, 124 or 2346 bytes. */
export interface EncryptedHeader {
  readonly version: number
  readonly iv: Uint8Array
  readonly tag: Uint8Array
  readonly ciphertext: Uint8Array
}

export const encryptedHeader: Codec<EncryptedHeader> = {
  write(w, { version, iv, tag, ciphertext }) {
    w.word16(version)
    w.raw(iv)
    w.raw(tag)
    writeLength(w, version, ciphertext.length)
    w.raw(ciphertext)
  },
  read: (r) => ({
    version: r.word16(),
    iv: r.take(ivLength),
    tag: r.take(tagLength),
    ciphertext: r.take(readLength(r)),
  }),
}

/** The parts of a message, as views. The body's associated data has the header as it was received. */
export function splitMessage(message: Uint8Array) {
  const r = new Reader(message)
  const encHeader = r.take(readLength(r))
  return { encHeader, tag: r.take(tagLength), ciphertext: r.tail() }
}

export function joinMessage(
  version: number,
  encHeader: Uint8Array,
  tag: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array {
  const w = new Writer(2 + encHeader.length + tag.length + ciphertext.length)
  writeLength(w, version, encHeader.length)
  w.raw(encHeader)
  w.raw(tag)
  w.raw(ciphertext)
  return w.view()
}
