import { PrivateKey, PublicKey } from '@smpkit/crypto'
import { expect, it } from 'vitest'
import { agreeAsInitiator, agreeAsJoiner } from './agreement.js'

const pair = () => ({ key1: PrivateKey.generate('x448'), key2: PrivateKey.generate('x448') })
const publicOf = ({ key1, key2 }: ReturnType<typeof pair>) => ({ key1: key1.publicKey, key2: key2.publicKey })
const [joiner, initiator] = [pair(), pair()]
const secret = new Uint8Array(32).fill(1)

it('both roles agree, and with a KEM secret on something else', () => {
  const without = agreeAsJoiner(joiner, publicOf(initiator), null)
  expect(agreeAsInitiator(initiator, publicOf(joiner), null)).toEqual(without)
  const hybrid = agreeAsJoiner(joiner, publicOf(initiator), secret)
  expect(agreeAsInitiator(initiator, publicOf(joiner), secret)).toEqual(hybrid)
  expect(hybrid.associatedData).toEqual(without.associatedData)
  for (const name of ['headerKey', 'nextHeaderKey', 'rootKey'] as const) {
    expect(hybrid[name]).not.toEqual(without[name])
  }
})

it.each(['key1', 'key2'] as const)('a %s of low order is refused by both roles', (name) => {
  const low = { [name]: PublicKey.fromRaw('x448', new Uint8Array(56)) }
  const refused = expect.objectContaining({ name: 'RatchetError', code: 'A_MESSAGE' })
  expect(() => agreeAsJoiner(joiner, { ...publicOf(initiator), ...low }, null)).toThrow(refused)
  expect(() => agreeAsInitiator(initiator, { ...publicOf(joiner), ...low }, null)).toThrow(refused)
})
