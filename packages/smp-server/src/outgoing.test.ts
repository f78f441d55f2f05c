import { parseBlock, plainTransmission } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import { Outgoing } from './outgoing.js'

const empty = new Uint8Array(0)
const item = (text: string) => plainTransmission(empty, empty, (w) => w.utf8(text))
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(3))
const settle = () => new Promise((resolve) => setImmediate(resolve))

function setUp(message: (id: string) => Uint8Array | null = (id) => item(`MSG ${id}`)) {
  const blocks: string[][] = []
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  const state = { stalled: false }
  const outgoing = new Outgoing({
    message,
    send(content) {
      blocks.push(parseBlock(content).map(textOf))
      if (!state.stalled) return Promise.resolve()
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
  })
  return { outgoing, blocks, waiting, state }
}

describe('Outgoing', () => {
  it('sends lists and messages in order, each list in as few blocks as possible', async () => {
    const { outgoing, blocks } = setUp()
    outgoing.add([item('a'), item('b')], 'q1')
    outgoing.addMessage('q2')
    outgoing.add([])
    outgoing.add([item('c')])
    expect(blocks).toEqual([])
    await settle()
    expect(blocks).toEqual([['a', 'b', 'MSG q1'], ['MSG q2'], ['c']])
  })

  it('makes a message when its turn comes, or not any more', async () => {
    const made: string[] = []
    const { outgoing, blocks, waiting, state } = setUp((id) => {
      made.push(id)
      return id === 'gone' ? null : item(id)
    })
    state.stalled = true
    outgoing.addMessage('first')
    outgoing.addMessage('gone')
    outgoing.addMessage('last')
    await settle()
    expect(made).toEqual(['first'])
    state.stalled = false
    waiting[0]?.resolve()
    await settle()
    expect(made).toEqual(['first', 'gone', 'last'])
    expect(blocks).toEqual([['first'], ['last']])
  })

  it.each([
    ['lists', 128, 1],
    ['bytes', 2, 600_000],
  ])('has no room beyond a number of %s', async (_, count, length) => {
    const { outgoing, waiting, state } = setUp()
    state.stalled = true
    const list = Array.from({ length: Math.ceil(length / 10_000) }, () => new Uint8Array(Math.min(length, 10_000)))
    for (let i = 0; i < count; i++) {
      expect(outgoing.hasRoom).toBe(true)
      outgoing.add(list)
    }
    expect(outgoing.hasRoom).toBe(false)
    let hasRoom = false
    void outgoing.room()?.then(() => {
      hasRoom = true
    })
    await settle()
    expect(hasRoom).toBe(false)
    state.stalled = false
    waiting[0]?.resolve()
    await settle()
    expect(hasRoom).toBe(true)
    expect(outgoing.room()).toBeUndefined()
  })

  it.each(['an error of the connection', 'its end'])(
    'forgets everything at %s, and lets nobody wait',
    async (cause) => {
      const { outgoing, blocks, waiting, state } = setUp()
      state.stalled = true
      for (let i = 0; i < 200; i++) outgoing.add([item('x')])
      const room = outgoing.room()
      await settle()
      if (cause === 'its end') outgoing.end()
      else waiting[0]?.reject(new Error('closed'))
      await room
      outgoing.add([item('y')])
      await settle()
      expect(blocks).toEqual([['x']])
      expect(outgoing.ended).toBe(true)
    },
  )
})
