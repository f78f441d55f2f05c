// test-vectors/ntf/README.md, ntf.transmission, ntf.handshake: spec 20 §2–§5, §11.
import { isAuthKey, PublicKey } from '@smpkit/crypto'
import { encode, pad, Reader, unpad } from '@smpkit/encoding'
import {
  authorizeNtf,
  checkNtfAuthorization,
  commonNtfVersion,
  type NtfFault,
  type NtfSession,
  ntfBlockSize,
  ntfCommandFormat,
  ntfVersions,
  packCommands,
  receiveCommands,
  receiveResponses,
} from '@smpkit/ntf-protocol'
import { ntfClientHello, ntfServerHello, verifyServerKey } from '@smpkit/ntf-protocol/internal'
import { HandshakeError, parseAuthorization } from '@smpkit/smp-commands'
import { binaryOperations, Fields, type Form, operation, type Suite, type VectorCase } from './case.js'
import { ofType } from './encoding.js'
import { privateKeyIn, publicKeyIn } from './keys.js'
import { ntfVersionOf } from './ntf.js'
import { commandOut } from './ntf-values.js'
import { authKeyIn } from './transmission.js'

const sessionIn = (input: Fields, vector: VectorCase): NtfSession => ({
  version: ntfVersionOf(vector),
  sessionId: input.bytes('sessionId'),
})

const faultOut = ({ corrId, entityId, error }: NtfFault) => ({ corrId, entityId, error })

export const ntfTransmissionSuite: Suite = {
  ops: {
    sign: operation((input, vector) => {
      const session = sessionIn(input, vector)
      return authorizeNtf(
        { ...session, serverKey: publicKeyIn(input, 'serverSessionKey', 'x25519') },
        {
          corrId: input.bytes('corrId'),
          entityId: input.bytes('entityId'),
          command: ntfCommandFormat(session.version).read(input.bytes('command')),
          key: authKeyIn(input, 'privateKey'),
        },
      )
    }),
    verify: operation((input) => {
      const key = PublicKey.fromDer(input.bytes('publicKey'))
      const authorization = parseAuthorization({ auth: input.bytes('authorization'), serviceSignature: null }) ?? null
      const received = { corrId: input.bytes('corrId'), authorization, authorized: input.bytes('authorized') }
      const sessionKey = privateKeyIn(input, 'serverSessionPrivateKey', 'x25519')
      const end = { sessionKey, version: ntfVersions.max }
      return { ok: checkNtfAuthorization(end, received, isAuthKey(key) ? key : undefined) }
    }),
    batch: operation((input, vector) => ({
      blocks: packCommands(ntfVersionOf(vector), input.bytesList('transmissions')).map((block) =>
        'error' in block
          ? { error: 'LARGE' }
          : { count: block.count, content: block.content, block: pad(block.content, ntfBlockSize) },
      ),
    })),
    serverReceive: operation((input, vector) => ({
      items: receiveCommands(sessionIn(input, vector), input.bytes('content')).map((item) => {
        if ('error' in item) return faultOut(item)
        const { corrId, entityId, command, authorized } = item
        return { corrId, entityId, value: commandOut(command), authorized }
      }),
    })),
    clientReceive: operation((input, vector) => ({
      items: receiveResponses(sessionIn(input, vector), input.bytes('content')).map((item) => {
        if ('error' in item) return faultOut(item)
        const { corrId, entityId, response } = item
        return { corrId, entityId, value: response }
      }),
    })),
    padBlock: operation((input) => ({ block: pad(input.bytes('content'), ntfBlockSize) })),
    unpadBlock: operation((input) => ({ content: unpad(input.bytes('block')) })),
  },
}

/** In the vectors a version range is two numbers. */
const helloForms: Readonly<Record<string, Form>> = {
  serverHello: {
    encode: (json) => {
      const value = new Fields(json)
      return encode(ntfServerHello, {
        versionRange: { min: value.number('minVersion'), max: value.number('maxVersion') },
        sessionId: value.bytes('sessionId'),
        signedKey: value.has('signedKey') ? value.bytes('signedKey') : null,
      })
    },
    decode: (bytes) => {
      // What is behind it is for extensions.
      const { versionRange, ...hello } = ntfServerHello.read(new Reader(bytes))
      return { minVersion: versionRange.min, maxVersion: versionRange.max, ...hello }
    },
  },
  clientHello: {
    encode: (json) => {
      const value = new Fields(json)
      return encode(ntfClientHello, { version: value.number('version'), keyHash: value.bytes('keyHash') })
    },
    decode: (bytes) => ntfClientHello.read(new Reader(bytes)),
  },
}

export const ntfHandshakeSuite: Suite = {
  ops: {
    ...binaryOperations(({ type }) => ofType(helloForms, type)),
    verifyKey: operation((input) => ({
      sessionKey: verifyServerKey(publicKeyIn(input, 'leafKey', 'ed25519', 'ed448'), input.bytes('signedKey')),
    })),
    negotiate: operation((input) => {
      const [ours, theirs] = [input.list('client'), input.list('server')].map(([min, max]) => ({
        min: min as number,
        max: max as number,
      })) as [{ min: number; max: number }, { min: number; max: number }]
      const version = commonNtfVersion(ours, theirs)
      if (version === undefined) throw new HandshakeError('VERSION', 'no common NTF version')
      return { version }
    }),
  },
}
