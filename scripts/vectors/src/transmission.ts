// test-vectors/smp/README.md, smp.transmission, smp.batch: spec 04 §2, §3.
import { isAuthKey, isPrivateAuthKey, KeyError, PrivateKey, PublicKey, sha256 } from '@smpkit/crypto'
import {
  authorize,
  checkCommand,
  commandFormat,
  errorTypeToText,
  type LargeItem,
  type PackedBlock,
  ParseError,
  packBlocks,
  parseBlock,
  receiveCommand,
  receiveMessage,
  type ServiceRole,
  type SmpSession,
  smpVersions,
} from '@smpkit/smp-commands'
import { Fields, operation, RunnerError, type Suite, type VectorCase } from './case.js'
import { isBelowV14, versionOf } from './commands.js'
import { privateKeyIn, publicKeyIn } from './keys.js'

const sessionIn = (input: Fields, vector: VectorCase): SmpSession => ({
  version: versionOf(vector),
  sessionId: input.bytes('sessionId'),
})

export function authKeyIn(input: Fields, name: string) {
  if (!input.has(name)) return null
  const key = PrivateKey.fromDer(input.bytes(name))
  if (!isPrivateAuthKey(key)) throw new KeyError('expected a key that can authorize')
  return key
}

const noId = new Uint8Array(0)

export const transmissionSuite: Suite = {
  isBelowV14,
  ops: {
    authorize: operation((input, vector) => {
      const session = sessionIn(input, vector)
      const service = input.has('service') ? input.fields('service') : null
      return authorize(
        {
          ...session,
          serverKey: publicKeyIn(input, 'serverKey', 'x25519'),
          service: service && {
            role: 'messaging',
            serviceId: noId,
            certHash: service.bytes('certHash'),
            sessionKey: privateKeyIn(service, 'privateKey', 'ed25519'),
          },
        },
        {
          corrId: input.bytes('corrId'),
          entityId: input.bytes('entityId'),
          command: commandFormat(session.version).read(input.bytes('command')),
          key: authKeyIn(input, 'authKey'),
        },
      )
    }),
    'decode-server': operation((input, vector) => {
      const received = receiveCommand(sessionIn(input, vector), input.bytes('transmission'))
      return 'error' in received ? { response: refusal(received, vector) } : received
    }),
    'decode-client': operation((input, vector) => {
      const received = receiveMessage(sessionIn(input, vector), input.bytes('transmission'))
      return received.error ? refusal(received, vector) : received
    }),
    verify: operation((input, vector) => {
      const received = receiveCommand(sessionIn(input, vector), input.bytes('transmission'))
      if ('error' in received) return { result: errorTypeToText(received.error) }
      const service = input.has('service') ? input.fields('service') : null
      const session = {
        sessionKey: privateKeyIn(input, 'serverPrivateKey', 'x25519'),
        service: service && {
          role: service.text('role') as ServiceRole,
          certHash: service.bytes('certHash'),
          serviceId: service.bytes('serviceId'),
          sessionKey: publicKeyIn(service, 'publicKey', 'ed25519'),
        },
      }
      const key = PublicKey.fromDer(input.bytes('publicKey'))
      const error = checkCommand(session, received, isAuthKey(key) ? key : undefined)
      return { result: error ? errorTypeToText(error) : 'OK' }
    }),
  },
}

/** A case that is lax passes with any refusal of ours; this one is an answer instead of an exception. */
function refusal<T>(answer: T, { lax }: VectorCase): T {
  if (lax) throw new RunnerError('REFUSED', 'an answer that is an error')
  return answer
}

const blockForm = (block: PackedBlock | LargeItem) =>
  'error' in block
    ? block
    : { count: block.count, first: block.first, length: block.content.length, sha256: sha256(block.content) }

export const batchSuite: Suite = {
  isBelowV14: ({ in: input }) => {
    const fields = new Fields(input ?? null)
    return fields.has('version') && fields.number('version') < smpVersions.min
  },
  ops: {
    batch: operation((input) => {
      const transmissions = input.list('items').flatMap((json) => {
        const item = new Fields(json)
        const bytes = new Uint8Array(item.number('length')).fill(Number.parseInt(item.text('fill'), 16))
        return new Array<Uint8Array>(item.number('repeat')).fill(bytes)
      })
      return { blocks: packBlocks(transmissions).map(blockForm) }
    }),
    'batch-bytes': operation((input) => ({
      blocks: packBlocks(input.bytesList('transmissions')).map((block) => ('error' in block ? block : block.content)),
    })),
    'parse-block': operation((input) => {
      const session = sessionIn(input, { id: '', op: '', version: input.number('version') })
      return { items: receiveBlock(session, input.bytes('content')) }
    }),
  },
}

/** A block that is malformed as a whole is answered once, without ids. */
function receiveBlock(session: SmpSession, content: Uint8Array) {
  try {
    return parseBlock(content).map((transmission) => {
      const received = receiveCommand(session, transmission)
      return 'error' in received ? { response: received } : received
    })
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    return [{ response: { corrId: noId, entityId: noId, error: { code: error.code } } }]
  }
}
