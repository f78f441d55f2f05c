import { PrivateKey } from '@smpkit/crypto'
import { expect, test } from 'vitest'
import { NotificationServerError } from '../errors.js'
import { heldFromBytes, heldToBytes } from './held.js'

test('what waits for SMP servers is the same after a restart', () => {
  const form = { ref: 'abcdefgh', syntax: 'text', version: 1 } as const
  const token = {
    id: 'token',
    dhKey: PrivateKey.generate('x25519').publicKey,
    status: 'registered',
    created: true,
  } as const
  const error = new NotificationServerError('LIMIT', 'servers', 'expected fewer', { max: 20, retryAfter: 1000 })
  const items = [{ id: 'one', created: true, token }, { id: 'two', created: false, token: null }, { error }]
  const { held, form: read } = heldFromBytes(heldToBytes({ items, several: true, wait: 15_000 }, form))
  expect(read).toEqual(form)
  expect(held).toMatchObject({
    several: true,
    wait: 15_000,
    items: [
      { id: 'one', created: true, token: { id: 'token', status: 'registered', created: true } },
      { id: 'two', created: false, token: null },
      { error: { code: 'LIMIT', reason: 'servers', max: 20, retryAfter: 1000, temporary: true } },
    ],
  })
  const [first] = held.items
  expect(first && 'token' in first && first.token?.dhKey.toDer()).toEqual(token.dhKey.toDer())
})
