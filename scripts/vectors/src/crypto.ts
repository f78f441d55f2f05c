// test-vectors/smp/README.md, crypto.box, crypto.authenticator, crypto.block-chain: spec 02 §1, §3, §4.
import {
  authenticate,
  blockChains,
  box,
  boxPadded,
  hkdfSha512,
  initialChainKeys,
  nextBlockKey,
  openBox,
  openBoxPadded,
  sha256,
  verifyAuthenticator,
} from '@smpkit/crypto'
import { Fields, isTypedError, operation, partialOperation, type Suite } from './case.js'
import { privateKeyIn, publicKeyIn, secretOf } from './keys.js'
import { defaultErrorName } from './runner.js'

export const boxSuite: Suite = {
  ops: {
    box: operation((input) => ({
      ciphertext: box(input.bytes('secretRaw'), input.bytes('nonce'), input.bytes('message')),
    })),
    'box-padded': operation((input) => ({ ciphertext: padded(input, input.bytes('secretRaw')) })),
    unbox: operation((input) => ({
      message: openBox(input.bytes('secretRaw'), input.bytes('nonce'), input.bytes('ciphertext')),
    })),
    'unbox-padded': operation((input) => ({
      message: openBoxPadded(input.bytes('secretRaw'), input.bytes('nonce'), input.bytes('ciphertext')),
    })),
    'dh-box': operation((input) => {
      const secret = secretOf(input, 'privateKey', 'publicKey')
      return { secret, ciphertext: padded(input, secret) }
    }),
  },
}

function padded(input: Fields, secret: Uint8Array): Uint8Array {
  return boxPadded(secret, input.bytes('nonce'), input.bytes('message'), input.number('paddedLength'))
}

export const authenticatorSuite: Suite = {
  ops: {
    authenticate: operation((input) => ({
      authenticator: authenticate(
        privateKeyIn(input, 'privateKey', 'x25519'),
        publicKeyIn(input, 'serverPublicKey', 'x25519'),
        input.bytes('corrId'),
        input.bytes('message'),
      ),
    })),
    'verify-authenticator': operation((input) => ({
      valid: verifyAuthenticator(
        publicKeyIn(input, 'publicKey', 'x25519'),
        privateKeyIn(input, 'serverPrivateKey', 'x25519'),
        input.bytes('corrId'),
        input.bytes('message'),
        input.bytes('authenticator'),
      ),
    })),
  },
}

const directions = { 'server-to-client': 'serverToClient', 'client-to-server': 'clientToServer' } as const

function directionIn(fields: Fields) {
  return directions[fields.text('direction') as keyof typeof directions]
}

export const blockChainSuite: Suite = {
  ops: {
    // The payloads stand only in the outputs.
    'block-chain': partialOperation((input, vector) => {
      const secret = secretOf(input, 'clientPrivateKey', 'serverPublicKey')
      const chainKeys = initialChainKeys(input.bytes('sessionId'), secret)
      const chains = blockChains(input.bytes('sessionId'), secret)
      const outputs = {
        secret,
        serverToClientKeyRaw: chainKeys.serverToClient,
        clientToServerKeyRaw: chainKeys.clientToServer,
      }
      const blocks = new Fields(vector.out ?? null).list('blocks').map((json) => {
        const fields = new Fields(json)
        const direction = directionIn(fields)
        const { chainKey, key, nonce } = nextBlockKey(chainKeys[direction])
        chainKeys[direction] = chainKey
        const payload = fields.bytes('payload')
        const block = chains[direction].seal(payload, input.number('blockSize'))
        const blockPrefix = block.subarray(0, 48)
        return {
          direction: fields.text('direction'),
          payload,
          keyRaw: key,
          nonce,
          block,
          blockPrefix,
          blockSha256: sha256(block),
        }
      })
      return { ...outputs, blocks }
    }),
    'block-receive': operation((input) => {
      const chain = blockChains(input.bytes('sessionId'), input.bytes('secret'))[directionIn(input)]
      const results = input.bytesList('blocks').map((block) => {
        try {
          return { payload: chain.open(block) }
        } catch (error) {
          if (isTypedError(error)) return { error: defaultErrorName(error) }
          throw error
        }
      })
      return { results }
    }),
    hkdf: operation((input) => ({
      output: hkdfSha512(input.bytes('salt'), input.bytes('ikm'), input.text('info'), input.number('length')),
    })),
  },
}
