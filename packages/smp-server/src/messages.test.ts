import { describe, expect, it } from 'vitest'
import { expireMessages, putMessage, takeMessage } from './messages.js'
import type { Queue } from './queue.js'

const newQueue = () => ({ messages: [], writable: true }) as unknown as Queue
const message = { body: new Uint8Array([1]), notification: true }
const second = 1000

describe('putMessage', () => {
  it('keeps a copy of the body', () => {
    const queue = newQueue()
    const body = new Uint8Array([1])
    putMessage(queue, { body, notification: false }, 0, 2)
    body[0] = 2
    expect(queue.messages[0]?.body).toEqual(new Uint8Array([1]))
  })

  it('stores one marker when the queue is full, without notification', () => {
    const queue = newQueue()
    const stored = Array.from({ length: 4 }, () => putMessage(queue, message, 0, 2))
    expect(stored.map((m) => m !== null)).toEqual([true, true, false, false])
    expect(queue.messages.map(({ body }) => body !== null)).toEqual([true, true, false])
    expect(queue.messages.at(-1)).toMatchObject({ notification: false })
  })
})

describe('takeMessage', () => {
  it('takes the first message only by its id', () => {
    const queue = newQueue()
    putMessage(queue, message, 0, 2)
    putMessage(queue, message, 0, 2)
    const [first, last] = queue.messages
    takeMessage(queue, last?.id ?? '')
    expect(queue.messages).toHaveLength(2)
    takeMessage(queue, first?.id ?? '')
    expect(queue.messages).toEqual([last])
  })
})

describe('expireMessages', () => {
  it('removes by whole seconds what is older than the time to live', () => {
    const queue = newQueue()
    putMessage(queue, message, 500, 10)
    putMessage(queue, message, 1500, 10)
    expireMessages(queue, 10 * second + 999, 10 * second)
    expect(queue.messages).toHaveLength(2)
    expireMessages(queue, 11 * second, 10 * second)
    expect(queue.messages).toHaveLength(1)
    expireMessages(queue, 100 * second, 10 * second)
    expect(queue.messages).toEqual([])
  })

  it('stops at a quota marker', () => {
    const queue = newQueue()
    for (let i = 0; i < 3; i++) putMessage(queue, message, 0, 1)
    expireMessages(queue, 100 * second, 10 * second)
    expect(queue.messages.map(({ body }) => body)).toEqual([null])
    expect(putMessage(queue, message, 100 * second, 1)).toBeNull()
  })
})
