// Signing and verifying one command: our transmissions against node:crypto on the same bytes.
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { authorize, checkCommand, receiveCommand, smpVersions } from '@smpkit/smp-commands'
import { type Bench, compare, row } from './harness.js'

export const transmission: Bench = {
  name: 'sign and verify',
  async run() {
    const key = PrivateKey.generate('ed25519')
    const serverKey = PrivateKey.generate('x25519')
    const common = { version: smpVersions.max, sessionId: randomBytes(32) }
    const client = { ...common, serverKey: serverKey.publicKey, sessionSecret: randomBytes(32), service: null }
    const server = { ...common, sessionKey: serverKey, service: null }
    const corrId = randomBytes(24)
    const entityId = randomBytes(24)
    const nsub = () => authorize(client, { corrId, entityId, command: { tag: 'NSUB' }, key })
    const ours = () => {
      const received = receiveCommand(server, nsub().transmission)
      if ('error' in received || checkCommand(server, received, key.publicKey)) throw new Error('not verified')
    }
    const privateKey = createPrivateKey({ key: Buffer.from(key.toDer()), format: 'der', type: 'pkcs8' })
    const publicKey = createPublicKey(privateKey)
    const bytes = nsub().authorized
    const limit = () => {
      if (!verify(null, bytes, publicKey, sign(null, bytes, privateKey))) throw new Error('not verified')
    }
    return [row('sign and verify a transmission', 'transmissions/s', compare(ours, limit), 0.8)]
  },
}
