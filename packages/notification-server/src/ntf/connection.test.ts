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
  let isOver = false
  const over = serving.then(() => {
    isOver = true
  })
  for (let turns = 0; turns < 1000 && !isOver; turns++) await new Promise((resolve) => setImmediate(resolve))
  await Promise.race([over, null])
  return sent
}

/** With a fake executor: its runs are single commands. */
async function served(contents: readonly Uint8Array[], execute: Executor['execute'], onAnswer = () => {}) {
  const sent: number[] = []
  const connection: Pick<BlockConnection<NtfServerEnd>, 'session' | 'send' | 'close'> & AsyncIterable<Uint8Array> = {
    session: { version, sessionId: new Uint8Array(32) } as NtfServerEnd,
    send: async (content) => void sent.push(content[0] as number),
    close: async () => {},
    async *[Symbol.asyncIterator]() {
      yield* contents
    },
  }
  await serve({ connection: connection as BlockConnection<NtfServerEnd>, executor: { execute } as Executor, onAnswer })
  return sent
}

async function* oneByOne(received: readonly ReceivedCommand[]) {
  for (const { corrId, entityId } of received) yield [{ corrId, entityId, response: { tag: 'PONG' } } as Answer]
}

describe('a connection', () => {
  test('answers each block, whenever after the answer to the one before it comes', async () => {
    const moments = Array.from({ length: 20 }, (_, ticks) => ticks)
    expect(await Promise.all(moments.map((ticks) => answered(3, ticks)))).toEqual(moments.map(() => 3))
  })

  test('with many commands lets another one have its turn in between', async () => {
    const order: string[] = []
    const blocks = packResponses(version, Array(50).fill(ping))
    await Promise.all([
      served(blocks, oneByOne, () => order.push('many')),
      served([block as Uint8Array], oneByOne, () => order.push('one')),
    ])
    expect(order).toHaveLength(51)
    expect(order.indexOf('one')).toBeLessThan(5)
  })

  test('sends the answers that it has before a command that may wait', async () => {
    const trpl = Uint8Array.of(64, ...new Uint8Array(64), 0, 1, 1, ...new TextEncoder().encode('TRPL AN'), 1, 97)
    // The count of each block.
    expect(await served(packResponses(version, [ping, ping, trpl, ping]), oneByOne)).toEqual([2, 2])
  })
})
