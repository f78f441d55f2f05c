import { expect, it } from 'vitest'
import { messagePipe } from './channel.js'

async function all(end: AsyncIterable<{ bytes: Uint8Array }>): Promise<number[]> {
  const bytes: number[] = []
  for await (const message of end) bytes.push(...message.bytes)
  return bytes
}

it('a pipe carries both ways, in order, what was sent before it was closed', async () => {
  const [left, right] = messagePipe()
  await left.send(Uint8Array.of(1))
  const received = all(right)
  await left.send(Uint8Array.of(2))
  await right.send(Uint8Array.of(3))
  left.close()
  expect(await received).toEqual([1, 2])
  await expect(left.send(Uint8Array.of(4))).rejects.toThrow('closed')
  await right.send(Uint8Array.of(5))
  right.close()
  expect(await all(left)).toEqual([3, 5])
})

it('a pipe carries what was sent, whatever becomes of the buffer', async () => {
  const [left, right] = messagePipe()
  const buffer = Uint8Array.of(1)
  await left.send(buffer)
  buffer[0] = 2
  left.close()
  expect(await all(right)).toEqual([1])
})
