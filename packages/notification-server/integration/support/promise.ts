// Spec 30 §6: what a notification server promises, judged by what its provider has seen and what its SMP server has kept.

export interface JudgedPush {
  readonly device: string
  /** The same for all attempts that carry the same. */
  readonly id: string
  readonly kind: 'verification' | 'message' | 'check'
  readonly accepted: boolean
  /** Whose messages it names. */
  readonly items: readonly { readonly queue: string; readonly message: string }[]
}

export interface JudgedQueue {
  readonly queue: string
  /** Whom its messages are to wake. */
  readonly device: string
  /** The newest message that nobody has read, and how many pushes had come when the SMP server had it. */
  readonly unread: { readonly message: string; readonly at: number } | null
}

export interface Verdict {
  /** Queues with a message that no device will look for. */
  readonly undiscovered: readonly string[]
  /** Message pushes that carry what an accepted one carried before. */
  readonly duplicates: number
}

/** `pushes` in the order in which they came. */
export function judge(queues: readonly JudgedQueue[], pushes: readonly JudgedPush[]): Verdict {
  const undiscovered = queues
    .filter(({ queue, device, unread }) => {
      if (!unread) return false
      return !pushes.some((push, at) => {
        if (!push.accepted || push.device !== device) return false
        if (push.items.some((item) => item.queue === queue && item.message === unread.message)) return true
        return at >= unread.at && (push.kind === 'check' || push.items.some((item) => item.queue === queue))
      })
    })
    .map(({ queue }) => queue)
  return { undiscovered, duplicates: countDuplicates(pushes) }
}

function countDuplicates(pushes: readonly JudgedPush[]): number {
  const carried = new Set<string>()
  let duplicates = 0
  for (const { accepted, kind, items } of pushes) {
    if (!accepted || kind !== 'message') continue
    const names = items.map(({ queue, message }) => `${queue}/${message}`)
    if (names.some((name) => carried.has(name))) duplicates++
    for (const name of names) carried.add(name)
  }
  return duplicates
}
