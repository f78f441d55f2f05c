// Which suite of the vectors is run by which operations, and which wait for packages that are not there yet.
import { fingerprintSuite, linkSuite, signedKeySuite } from './certificates.js'
import { authenticatorSuite, blockChainSuite, boxSuite } from './crypto.js'
import { encodingSuite } from './encoding.js'
import { keysSuite } from './keys.js'
import type { Registry } from './runner.js'

export const registry: Registry = {
  suites: {
    'crypto.authenticator': authenticatorSuite,
    'crypto.block-chain': blockChainSuite,
    'crypto.box': boxSuite,
    'crypto.fingerprint': fingerprintSuite,
    'crypto.link': linkSuite,
    'crypto.signed-key': signedKeySuite,
    encoding: encodingSuite,
    keys: keysSuite,
  },
  pending: new Set([
    'agent.client-message',
    'agent.envelope',
    'agent.hash',
    'agent.message',
    'kem.sntrup761',
    'link.data',
    'link.full',
    'link.short',
    'ntf.address',
    'ntf.command',
    'ntf.handshake',
    'ntf.response',
    'ntf.text',
    'ntf.transmission',
    'push.apns',
    'push.regcode/flow',
    'push.response',
    'queue-info',
    'ratchet.decrypt',
    'ratchet.kdf',
    'ratchet.params',
    'ratchet.x3dh',
  ]),
}
