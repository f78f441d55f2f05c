import { expect, it } from 'vitest'
import { memoryAnswers } from './answers.js'

const stored = (byte: number) => ({ content: Uint8Array.of(byte), answer: { status: 'ok', data: byte } })

it('an answer is kept for an hour', async () => {
  let time = 0
  const answers = memoryAnswers({ now: () => time })
  await answers.put('a', stored(1))
  time = 3_599_999
  expect(await answers.get('a')).toMatchObject(stored(1))
  time = 3_600_000
  expect(await answers.get('a')).toBeUndefined()
})

it('the newest 64 are kept', async () => {
  const answers = memoryAnswers()
  for (let i = 0; i < 65; i++) await answers.put(`${i}`, stored(i))
  expect(await answers.get('0')).toBeUndefined()
  expect(await answers.get('1')).toMatchObject(stored(1))
  expect(await answers.get('64')).toMatchObject(stored(64))
})

it('one that is put again is the newest', async () => {
  const answers = memoryAnswers()
  for (let i = 0; i < 64; i++) await answers.put(`${i}`, stored(i))
  await answers.put('0', stored(100))
  await answers.put('64', stored(64))
  expect(await answers.get('0')).toMatchObject(stored(100))
  expect(await answers.get('1')).toBeUndefined()
})
