import { PrivateKey } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import type { RatchetRandom } from '../random.js'
import { encapsulate, generateKemKeyPair, type KemEncapsulation } from '../sntrup761.js'

const pairs = Array.from({ length: 3 }, () => generateKemKeyPair())
const encapsulations = new Map<string, KemEncapsulation>()
let next = 0

/** True KEM keys and encapsulations, of which a few serve all tests: to make them takes milliseconds. */
export const pooledRandom: RatchetRandom = {
  x448: () => PrivateKey.generate('x448'),
  kemKeyPair() {
    const pair = pairs[next++ % pairs.length]
    if (!pair) throw new Error('expected a key pair')
    return pair
  },
  encapsulate(publicKey) {
    const name = toHex(publicKey)
    const made = encapsulations.get(name) ?? encapsulate(publicKey)
    encapsulations.set(name, made)
    return made
  },
}

/** For what must not need any chance. */
export const noRandom: RatchetRandom = {
  x448: () => refuse(),
  kemKeyPair: () => refuse(),
  encapsulate: () => refuse(),
}

function refuse(): never {
  throw new Error('expected no random values to be taken')
}
