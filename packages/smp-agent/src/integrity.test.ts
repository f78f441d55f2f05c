import { sha256 } from '@smpkit/crypto'
import { decode, encode, toHex } from '@smpkit/encoding'
import { expect, test } from 'vitest'
import { agentMessage } from './agent-message.js'
import { appendMessage, chainEnd, integrityOf, integrityToText } from './integrity.js'

const first = encode(agentMessage, { type: 'connInfo', connInfo: new TextEncoder().encode('{"n":"bob"}') })

test('the second message of the worked example', () => {
  const end = chainEnd(1n, first)
  expect(toHex(end.hash)).toBe('259839cf1e2d8ef2b508f7c83063a11fb9263d1d8e0b13f47e05d46403888efa')
  const next = appendMessage(end, { type: 'msg', body: new TextEncoder().encode('hello') })
  expect(toHex(next.bytes)).toBe(`4d000000000000000220${toHex(end.hash)}4d68656c6c6f`)
  expect(next.end.msgId).toBe(2n)
  expect(toHex(next.end.hash)).toBe('0f44d456955dacc6024ae1273aeaf7390b0e039e18cba1ed048c3ba357963054')
})

test('a chain that nobody touched is in order from end to end', () => {
  let sent = chainEnd(1n, first)
  let received = sent
  for (let i = 0; i < 5; i++) {
    const next = appendMessage(sent, { type: 'hello' })
    sent = next.end
    const message = decode(agentMessage, next.bytes)
    if (message.type !== 'message') throw new Error('expected a message')
    expect(integrityOf(received, message)).toEqual({ type: 'ok' })
    received = chainEnd(message.sndMsgId, next.bytes)
  }
})

const last = { msgId: 4n, hash: sha256(first) }
const other = sha256(last.hash)

test.each([
  [5n, last.hash, 'OK'],
  [5n, other, 'ERR HASH'],
  [5n, new Uint8Array(0), 'ERR HASH'],
  [4n, last.hash, 'ERR DUPLICATE'],
  [4n, other, 'ERR DUPLICATE'],
  [3n, last.hash, 'ERR ID 3'],
  [-1n, other, 'ERR ID -1'],
  [6n, last.hash, 'ERR NO_ID 5 5'],
  [2n ** 63n - 1n, other, 'ERR NO_ID 5 9223372036854775806'],
])('id %s after 4 is reported in the order of the spec', (sndMsgId, prevMsgHash, text) => {
  expect(integrityToText(integrityOf(last, { sndMsgId, prevMsgHash }))).toBe(text)
})
