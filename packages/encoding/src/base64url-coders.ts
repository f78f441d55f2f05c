// Spec 01 §2: the alphabet of base64url, by the platform where it can, which is many times faster.
import { URLSafeCoder } from '@stablelib/base64'

/** Bytes as text with `=` padding, and back. `decode` is given texts of the alphabet with the right padding only. */
export interface Base64urlCoder {
  encode(bytes: Uint8Array): string
  decode(text: string): Uint8Array
}

export const portableCoder: Base64urlCoder = new URLSafeCoder()

/** What is used of Node's `Buffer`, which other runtimes have too. */
interface Buffers {
  isEncoding(name: string): boolean
  from(
    buffer: ArrayBufferLike,
    offset: number,
    length: number,
  ): { toString(e: string): string; write(t: string, e: string): number }
}

const padding = ['', '==', '='] as const

function coderOf(buffers: Buffers): Base64urlCoder {
  return {
    encode(bytes) {
      const bare = buffers.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
      return bare + padding[bytes.length % 3]
    },
    decode(text) {
      const length = (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)
      // Not from Node's pool, which would be pinned, and no `Buffer`.
      const bytes = new Uint8Array(length)
      buffers.from(bytes.buffer, 0, length).write(text, 'base64url')
      return bytes
    },
  }
}

const { Buffer } = globalThis as { Buffer?: Buffers }

/** `undefined` where the platform has none; old stand-ins for `Buffer` do not know the encoding. */
export const nativeCoder: Base64urlCoder | undefined = Buffer?.isEncoding?.('base64url') ? coderOf(Buffer) : undefined
