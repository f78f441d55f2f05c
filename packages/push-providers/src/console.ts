// Spec 30 §5: the provider `console`, for demonstrations and tests: a line of text for each push.
import { randomBytes, sha256 } from '@smpkit/crypto'
import { concat, toHex } from '@smpkit/encoding'
import { DeviceTokenError } from './errors.js'
import type { NotificationData } from './notification-data.js'
import type { Push, PushOutcome, PushProvider } from './provider.js'

export interface ConsoleProviderOptions {
  /** Takes one line without its end, for instance `console.log`. It shows what a real provider could see, without the token. */
  readonly write: (line: string) => void
  readonly name?: string
  /** Stands in for the way to the device, called before the push counts as accepted. What it throws is a `retry`. */
  readonly deliver?: (push: Push) => void | Promise<void>
}

const maxTokenLength = 255
const textEncoder = new TextEncoder()

/** Accepts every push at once. Tokens are any texts of 1 to 255 characters. */
export function consoleProvider({ write, name = 'console', deliver }: ConsoleProviderOptions): PushProvider {
  // Devices are told apart in the output without showing what would let others push to them.
  const salt = randomBytes(32)
  let closed = false

  async function send(push: Push, { signal }: { readonly signal: AbortSignal }): Promise<PushOutcome> {
    if (closed || signal.aborted) return { outcome: 'retry', afterMs: 0, reason: closed ? 'closed' : 'aborted' }
    const device = toHex(sha256(concat(salt, textEncoder.encode(push.token))).subarray(0, 4))
    const data = Object.entries(push.notificationData).map(([key, value]) => `${key}=${shorten(String(value))}`)
    try {
      write(`push to device ${device}: ${push.kind}, ${bodyLength(push.notificationData)} bytes, ${data.join(' ')}`)
      await deliver?.(push)
      return { outcome: 'accepted' }
    } catch {
      return { outcome: 'retry', afterMs: 0, reason: 'output' }
    }
  }

  async function close() {
    closed = true
  }

  return {
    name,
    // Writing a line waits for nothing, so more at once would only keep more in memory.
    maxConcurrent: 16,
    readToken(token) {
      if (typeof token === 'string' && token.length > 0 && token.length <= maxTokenLength) return token
      throw new DeviceTokenError(`expected a text of 1 to ${maxTokenLength} characters`)
    },
    send,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Of the JSON `{"notificationData":{"name":"text",…}}`, whose texts need no escapes. */
function bodyLength(data: NotificationData): number {
  let length = '{"notificationData":{}}'.length - 1
  for (const [name, value] of Object.entries(data)) {
    length += `"${name}":,`.length + String(value).length + (typeof value === 'string' ? 2 : 0)
  }
  return length
}

/** Ciphertext has thousands of characters; its beginning shows that it is opaque. */
function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}… (${text.length} characters)` : text
}
