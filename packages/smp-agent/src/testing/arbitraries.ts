// Values of the agent's wire types, for properties.
import { PrivateKey } from '@smpkit/crypto'
import type { Value } from '@smpkit/encoding'
import type { E2eParamsRange, KemParams, KemProposed } from '@smpkit/ratchet'
import {
  parseHost,
  type QueueAddress,
  type QueueInfo,
  type QueueUri,
  type ServerAddress,
} from '@smpkit/smp-commands/address'
import fc from 'fast-check'
import type { AgentEnvelope } from '../agent-envelope.js'
import type { agentMessage, InnerMessage } from '../agent-message.js'
import type { ConnectionRequest, ContactRequest, InvitationRequest } from '../connection-request.js'
import type { ShortContactLink, ShortLink } from '../short-link.js'

const made = { noNullPrototype: true } as const

const rawKey = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const publicOf = <A extends 'x25519' | 'ed25519' | 'ed448' | 'x448'>(algorithm: A, count: number) =>
  fc.constantFrom(
    ...Array.from({ length: count }, (_, i) => {
      const length = { x25519: 32, ed25519: 32, ed448: 57, x448: 56 }[algorithm]
      return PrivateKey.fromRaw(algorithm, new Uint8Array(length).fill(i + 1)).publicKey
    }),
  )

export const bytes = (maxLength = 40) => fc.uint8Array({ maxLength })
export const id = fc.uint8Array({ minLength: 1, maxLength: 24 })
const hash = fc.oneof(rawKey(32), fc.constant(new Uint8Array(0)))
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
export const dhKey = publicOf('x25519', 3)
const senderKey = fc.oneof(dhKey, publicOf('ed25519', 2), publicOf('ed448', 2))

const range = (max: number) =>
  fc
    .tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }))
    .map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }))

const host = fc.constantFrom('smp.example.com', 'b.example.com', 'abc.onion', '192.0.2.7', '2001:db8::1').map(parseHost)

export const server: fc.Arbitrary<ServerAddress> = fc.record(
  {
    hosts: fc.array(host, { minLength: 1, maxLength: 3 }),
    port: fc.constantFrom('', '443', '5223'),
    keyHash: rawKey(32),
  },
  made,
)

export const queueAddress: fc.Arbitrary<QueueAddress> = fc.record({ server, senderId: id }, made)

const queue = { server, senderId: id, dhKey }
const mode = fc.constantFrom('messaging' as const, 'contact' as const)

/** With a mode, so that what follows is not taken for one. */
export const queueInfo: fc.Arbitrary<QueueInfo> = fc.record(
  { version: fc.constant(4), ...queue, queueMode: mode },
  made,
)

export const queueUri: fc.Arbitrary<QueueUri> = fc.record(
  { versionRange: fc.constantFrom({ min: 4, max: 4 }, { min: 3, max: 4 }), ...queue, queueMode: mode },
  made,
)

export const innerMessage: fc.Arbitrary<InnerMessage> = fc.oneof(
  fc.record({ type: fc.constant('hello' as const) }, made),
  fc.record({ type: fc.constant('msg' as const), body: bytes(100) }, made),
  fc.record(
    {
      type: fc.constant('received' as const),
      receipts: fc.array(fc.record({ sndMsgId: int64, msgHash: hash, info: bytes() }, made), {
        minLength: 1,
        maxLength: 3,
      }),
    },
    made,
  ),
  fc.record({ type: fc.constant('queueContinue' as const), address: queueAddress }, made),
  fc.record(
    {
      type: fc.constant('queueAdd' as const),
      queues: fc.array(fc.record({ queue: queueUri, replaced: fc.option(queueAddress) }, made), {
        minLength: 1,
        maxLength: 2,
      }),
    },
    made,
  ),
  fc.record(
    {
      type: fc.constant('queueKey' as const),
      queues: fc.array(fc.record({ queue: queueInfo, senderKey }, made), { minLength: 1, maxLength: 2 }),
    },
    made,
  ),
  fc.record(
    {
      type: fc.constant('queueUse' as const),
      queues: fc.array(fc.record({ address: queueAddress, primary: fc.boolean() }, made), {
        minLength: 1,
        maxLength: 2,
      }),
    },
    made,
  ),
  fc.record(
    { type: fc.constant('queueTest' as const), addresses: fc.array(queueAddress, { minLength: 1, maxLength: 2 }) },
    made,
  ),
  fc.record({ type: fc.constant('ratchetReady' as const), lastDecryptedId: int64 }, made),
)

export const message = (inner = innerMessage) =>
  fc.record({ type: fc.constant('message' as const), sndMsgId: int64, prevMsgHash: hash, message: inner }, made)

export const anyAgentMessage: fc.Arbitrary<Value<typeof agentMessage>> = fc.oneof(
  fc.record({ type: fc.constant('connInfo' as const), connInfo: bytes() }, made),
  fc.record(
    {
      type: fc.constant('connInfoReply' as const),
      replyQueues: fc.array(queueInfo, { minLength: 1, maxLength: 2 }),
      connInfo: bytes(),
    },
    made,
  ),
  fc.record({ type: fc.constant('ratchetInfo' as const), info: bytes() }, made),
  message(),
)

const kemKey = fc.nat(255).map((byte) => new Uint8Array(1158).fill(byte))
const proposed: fc.Arbitrary<KemProposed> = fc.record({ type: fc.constant('proposed' as const), key: kemKey }, made)
const kem: fc.Arbitrary<KemParams> = fc.oneof(
  proposed,
  fc.record(
    {
      type: fc.constant('accepted' as const),
      ciphertext: fc.nat(255).map((byte) => new Uint8Array(1039).fill(byte)),
      key: kemKey,
    },
    made,
  ),
)

const x448Key = publicOf('x448', 3)

const e2eRange: fc.Arbitrary<E2eParamsRange> = fc.record(
  {
    versions: fc.constantFrom({ min: 2, max: 3 }, { min: 3, max: 3 }),
    key1: x448Key,
    key2: x448Key,
    kem: fc.option(proposed),
  },
  made,
)

const request = {
  agentVersions: range(9).map(({ min, max }) => ({ min: Math.max(2, min), max: Math.max(2, max) })),
  queues: fc.array(queueUri, { minLength: 1, maxLength: 2 }),
  clientData: fc.option(fc.string({ unit: 'grapheme', maxLength: 20 })),
}

export const invitationRequest: fc.Arbitrary<InvitationRequest> = fc.record(
  { type: fc.constant('invitation' as const), ...request, e2e: e2eRange },
  made,
)
export const contactRequest: fc.Arbitrary<ContactRequest> = fc.record(
  { type: fc.constant('contact' as const), ...request },
  made,
)
export const connectionRequest: fc.Arbitrary<ConnectionRequest> = fc.oneof(invitationRequest, contactRequest)

const agentVersion = fc.nat(0xffff)

export const agentEnvelope: fc.Arbitrary<AgentEnvelope> = fc.oneof(
  fc.record(
    {
      agentVersion,
      type: fc.constant('confirmation' as const),
      e2eParams: fc.option(
        fc.record({ version: fc.constant(3), key1: x448Key, key2: x448Key, kem: fc.option(kem) }, made),
      ),
      encConnInfo: bytes(100),
    },
    made,
  ),
  fc.record({ agentVersion, type: fc.constant('message' as const), encAgentMessage: bytes(100) }, made),
  fc.record(
    { agentVersion, type: fc.constant('invitation' as const), connReq: invitationRequest, connInfo: bytes() },
    made,
  ),
  fc.record(
    {
      agentVersion,
      type: fc.constant('ratchetKey' as const),
      e2eParams: fc.record({ version: fc.constant(3), key1: x448Key, key2: x448Key, kem: fc.option(proposed) }, made),
      info: bytes(),
    },
    made,
  ),
)

const scheme = fc.constantFrom('simplex' as const, 'server' as const)

export const shortContactLink = (schemes: fc.Arbitrary<ShortLink['scheme']> = scheme): fc.Arbitrary<ShortContactLink> =>
  fc.record(
    {
      type: fc.constant('contact' as const),
      scheme: schemes,
      contactType: fc.constantFrom('address' as const, 'channel' as const, 'group' as const, 'relay' as const),
      server,
      linkKey: rawKey(32),
    },
    made,
  )

export const shortLink = (schemes: fc.Arbitrary<ShortLink['scheme']> = scheme): fc.Arbitrary<ShortLink> =>
  fc.oneof(
    shortContactLink(schemes),
    fc.record(
      { type: fc.constant('invitation' as const), scheme: schemes, server, linkId: rawKey(24), linkKey: rawKey(32) },
      made,
    ),
  )
