// Spec 31, compressed bodies; spec 10.7.4.
import { DecodeError, decode, largeBytes, letters, list, record, shortBytes, tagged } from '@smpkit/encoding'
import { ChatError } from './errors.js'
import { declaredContentSize } from './zstd-frame.js'

const items = list(
  tagged('form', letters({ '0': 'plain', '1': 'zstd' }), {
    plain: record({ bytes: shortBytes }),
    zstd: record({ bytes: largeBytes }),
  }),
)

/** The most that one frame may declare. */
const maxItemLength = 65_536
/** The most that all items of a body may have together: 255 frames of 20 bytes can declare 16 MB. */
const maxBodyLength = 1_048_576

const letterX = 0x58

/** The bodies in what follows the letter `X`, each as it is or why it is refused. Does not reject. */
export async function expandItems(bytes: Uint8Array): Promise<(Uint8Array | ChatError)[]> {
  try {
    const expanded: (Uint8Array | ChatError)[] = []
    let left = maxBodyLength
    for (const item of decode(items, bytes)) {
      const result = item.form === 'plain' ? item.bytes : await expand(item.bytes, Math.min(left, maxItemLength))
      if (result instanceof Uint8Array) left -= result.length
      // Nobody has a reason to compress twice, and what expands to what expands has no bound.
      expanded.push(
        result instanceof Uint8Array && result[0] === letterX
          ? new ChatError('COMPRESSED', 'expected no compressed body in a compressed one')
          : result,
      )
    }
    return expanded
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    return [new ChatError('COMPRESSED', 'expected a count, and that many items', { cause })]
  }
}

async function expand(frame: Uint8Array, limit: number): Promise<Uint8Array | ChatError> {
  try {
    const size = declaredContentSize(frame)
    if (size === null) return new ChatError('COMPRESSED', 'expected a frame that declares its size')
    if (size > limit) return new ChatError('COMPRESSED', `expected a frame of at most ${limit} bytes, got ${size}`)
    const { decompress } = await zstd()
    return decompress(frame)
  } catch (cause) {
    return new ChatError('COMPRESSED', 'expected a zstd frame that can be expanded here', { cause })
  }
}

let loaded: Promise<typeof import('@bokuweb/zstd-wasm')> | undefined

/** Loads the decoder at its first use: it takes a while, and most peers never need it. */
function zstd(): Promise<typeof import('@bokuweb/zstd-wasm')> {
  loaded ??= import('@bokuweb/zstd-wasm').then(async (module) => {
    await module.init()
    return module
  })
  return loaded
}
