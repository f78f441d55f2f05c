import { type NtfServerEnd, type NtfVersion, packResponses, type ReceivedCommand } from '@smpkit/ntf-protocol'
import type { BlockConnection } from '@smpkit/smp-commands'
import { describe, expect, test } from 'vitest'
import { serve } from './connection.js'
import type { Answer, Executor } from './executor.js'

const version = 3 as NtfVersion
const ping = Uint8Array.of(0, 0, 0, ...new TextEncoder().encode('PING'))
const [block] = packResponses(version, [ping])

/** Of a client that sends one block, and another one so many microtasks after each answer; settles with how many were answered. */
async function answered(count: number, ticks: number): Promise<number> {
  const blocks = [block as Uint8Array]
  let wake = () => {}
  let sent = 0
  let isOpen = true
  async function answer() {
    if (++sent === count) isOpen = false
    for (let i = 0; i < ticks; i++) await null
    blocks.push(block as Uint8Array)
    wake()
  }
  async function* contents() {
    while (isOpen) {
      const content = blocks.shift()
      if (content) yield content
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  }
  const connection: Pick<BlockConnection<NtfServerEnd>, 'session' | 'send' | 'close'> & AsyncIterable<Uint8Array> = {
    session: { version, sessionId: new Uint8Array(32) } as NtfServerEnd,
    send: async () => void answer(),
    close: async () => {},
    [Symbol.asyncIterator]: contents,
  }
  const executor: Pick<Executor, 'execute'> = {
    async *execute(received: readonly ReceivedCommand[]) {
      yield received.map(({ corrId, entityId }): Answer => ({ corrId, entityId, response: { tag: 'PONG' } }))
    },
  }
  const serving = serve({
    connection: connection as BlockConnection<NtfServerEnd>,
    executor: executor as Executor,
    onAnswer: () => {},
  })
  const stalled = new Promise<void>((resolve) => setTimeout(resolve, 50))
  await Promise.race([serving, stalled])
  return sent
}

describe('a connection', () => {
  test('answers each block, whenever after the answer to the one before it comes', async () => {
    const moments = Array.from({ length: 20 }, (_, ticks) => ticks)
    expect(await Promise.all(moments.map((ticks) => answered(3, ticks)))).toEqual(moments.map(() => 3))
  })
})
