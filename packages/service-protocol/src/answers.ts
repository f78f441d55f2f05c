// Spec 30 §3: the answers of one connection, kept so that a repeated request has no second effect.
import type { Answer } from './answer.js'

export interface StoredAnswer {
  /** Of `requestContent`. */
  readonly content: Uint8Array
  readonly answer: Answer
}

/**
 * Keeps the answers of one connection by the ids of their requests.
 *
 * - `get` MUST give what was put under the id within the last hour, unless 64 others were put since.
 * - `put` MUST settle only once the answer is kept as durably as the request's effect.
 */
export interface AnswerStore {
  get(id: string): Promise<StoredAnswer | undefined>
  put(id: string, stored: StoredAnswer): Promise<void>
}

const keptFor = 3_600_000
const mostKept = 64

/** In memory: up to 2 MB. */
export function memoryAnswers({ now = Date.now }: { readonly now?: () => number } = {}): AnswerStore {
  // In the order of their times.
  const kept = new Map<string, StoredAnswer & { readonly at: number }>()
  function dropOld(): void {
    for (const [id, { at }] of kept) {
      if (kept.size <= mostKept && now() - at < keptFor) return
      kept.delete(id)
    }
  }
  return {
    async get(id) {
      dropOld()
      return kept.get(id)
    },
    async put(id, stored) {
      kept.delete(id)
      kept.set(id, { ...stored, at: now() })
      dropOld()
    },
  }
}
