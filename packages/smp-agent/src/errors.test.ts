import { CryptoError } from '@smpkit/crypto'
import { DecodeError } from '@smpkit/encoding'
import { expect, test } from 'vitest'
import { AgentError, fromPeer, LinkError, PeerError, RequestError } from './errors.js'

test('every error of the package has its base, a name and a code', () => {
  const errors = [new PeerError('A_LINK', ''), new LinkError('TYPE', ''), new RequestError('LARGE', '')]
  for (const error of errors) expect(error).toBeInstanceOf(AgentError)
  expect(errors.map(({ name, code, temporary }) => [name, code, temporary])).toEqual([
    ['PeerError', 'A_LINK', false],
    ['LinkError', 'TYPE', false],
    ['RequestError', 'LARGE', false],
  ])
})

test.each([
  ['A_MESSAGE', new DecodeError('truncated', 'expected 2 more bytes', 3)],
  ['A_CRYPTO', new CryptoError('DECRYPT', 'expected a box')],
])('what a peer sent wrongly becomes %s with its cause', (code, cause) => {
  const read = () => {
    throw cause
  }
  expect(() => fromPeer('a message', read)).toThrow(expect.objectContaining({ name: 'PeerError', code, cause }))
})

test('a mistake of ours stays what it is', () => {
  const bug = new TypeError('a mistake')
  expect(() =>
    fromPeer('a message', () => {
      throw bug
    }),
  ).toThrow(bug)
  expect(fromPeer('a number', () => 5)).toBe(5)
})
