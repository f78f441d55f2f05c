// Spec 21 A4, 30 §5: the provider that takes all pushes and sends none, for devices in tests.
import type { PushOutcome, PushProvider } from '../provider.js'
import { readTestToken } from './token.js'

/** Takes any printable text as a token, those of APNs among them. */
export function nullProvider(name: 'apns_null'): PushProvider {
  let closed = false
  const close = async () => {
    closed = true
  }
  return {
    name,
    maxConcurrent: 100,
    readToken: readTestToken,
    async send(_, { signal }): Promise<PushOutcome> {
      if (closed || signal.aborted) return { outcome: 'retry', afterMs: 0, reason: closed ? 'closed' : 'aborted' }
      return { outcome: 'accepted' }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
