// test-vectors/smp/README.md, crypto.signed-key, crypto.fingerprint, crypto.link: spec 02 §8, §10, 03 §2.1.
import {
  CertificateError,
  chainShape,
  checkServerChain,
  contactLinkKeys,
  fingerprint,
  invitationLinkKeys,
  linkKey,
  PublicKey,
  parseCertificate,
  sealLinkItem,
  senderIdOf,
  sha256,
  signKey,
  verifySignedKey,
} from '@smpkit/crypto'
import { Fields, isObject, operation, partialOperation, type Suite } from './case.js'
import { privateKeyIn } from './keys.js'

export const signedKeySuite: Suite = {
  ops: {
    'sign-key': operation((input) => ({
      signedKey: signKey(
        privateKeyIn(input, 'signingKey', 'ed25519', 'ed448'),
        PublicKey.fromDer(input.bytes('publicKey')),
      ),
    })),
    'verify-signed-key': operation((input) => {
      const { publicKey } = parseCertificate(input.bytes('certificate'))
      if (!publicKey) throw new CertificateError('ALGORITHM', 'expected a signing key in the certificate')
      return { publicKey: verifySignedKey(publicKey, input.bytes('signedKey')) }
    }),
  },
}

/** Within the validity of every certificate in the vectors. */
const now = new Date('2026-06-01T00:00:00Z')

export const fingerprintSuite: Suite = {
  ops: {
    fingerprint: operation((input) => ({ sha256: fingerprint(input.bytes('certificate')) })),
    'chain-shape': partialOperation((input) => {
      const shape = chainShape(input.bytesList('chain'))
      if (shape.shape === 'empty' || shape.shape === 'long') return shape
      const { leaf, identity, root } = shape
      const [leafPrint, identityPrint, rootPrint] = [leaf, identity, root].map(fingerprint)
      return { shape: shape.shape, leaf: leafPrint, identity: identityPrint, root: rootPrint }
    }),
    'validate-chain': operation((input, { lax }) => {
      try {
        checkServerChain(input.bytesList('chain'), input.bytes('keyHash'), now)
        return { valid: true }
      } catch (error) {
        if (lax || !(error instanceof CertificateError)) throw error
        return { valid: false }
      }
    }),
  },
}

export const linkSuite: Suite = {
  ops: {
    'link-kdf': operation((input) => {
      const { linkId, dataKey } = contactLinkKeys(input.bytes('linkKey'))
      const invitation = invitationLinkKeys(input.bytes('linkKey'))
      return { contactLinkId: linkId, contactDataKeyRaw: dataKey, invitationDataKeyRaw: invitation.dataKey }
    }),
    'link-key': operation((input) => ({ linkKey: linkKey(input.bytes('fixedData')) })),
    'sender-id': operation((input) => ({ senderId: senderIdOf(input.bytes('corrId')) })),
    'encrypt-link-item': partialOperation((input) => {
      const bytes = sealLinkItem(
        input.text('kind') as 'fixed' | 'user',
        invitationLinkKeys(input.bytes('linkKey')).dataKey,
        privateKeyIn(input, 'rootPrivateKey', 'ed25519'),
        input.bytes('nonce'),
        dataIn(input),
      )
      return { length: bytes.length, sha256: sha256(bytes), prefix: bytes.subarray(0, 80), bytes }
    }),
  },
}

function dataIn(input: Fields): Uint8Array {
  const data = input.get('data')
  if (!isObject(data)) return input.bytes('data')
  const { length, fill } = { length: new Fields(data).number('length'), fill: new Fields(data).text('fill') }
  return new Uint8Array(length).fill(Number.parseInt(fill, 16))
}
