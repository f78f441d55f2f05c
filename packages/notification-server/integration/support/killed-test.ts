// The test of a server that is killed, over any database.
import { expect, test } from 'vitest'
import { isFull, type StorageMaker } from './databases.js'
import { flow } from './flow.js'

/** KILL_SEED repeats what is done, though not when. */
export const seed = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 1_000_000))
const [messages, rounds] = isFull ? [20_000, 20] : [2000, 4]
const timeout = isFull ? 1_200_000 : 120_000

export function killedTest(newStorage: StorageMaker): void {
  test(
    `killed at random moments while ${messages} messages flow (KILL_SEED=${seed})`,
    async () => {
      const result = await flow({ storage: await newStorage(), messages, rounds, seed })
      expect(result.undiscovered).toEqual([])
      expect(result.kills).toBeGreaterThan(rounds)
      expect(result.accepted).toBeGreaterThan(result.tokens)
      // Of each token one message push is in flight at most.
      expect(result.duplicates).toBeLessThanOrEqual(result.kills * result.tokens)
    },
    timeout,
  )
}
