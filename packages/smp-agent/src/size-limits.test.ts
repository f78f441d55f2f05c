import { PrivateKey } from '@smpkit/crypto'
import { encode } from '@smpkit/encoding'
import { parseHost, type QueueInfo } from '@smpkit/smp-commands/address'
import { expect, test } from 'vitest'
import { agentEnvelope } from './agent-envelope.js'
import { agentMessage } from './agent-message.js'
import { connectionRequestToText, type InvitationRequest } from './connection-request.js'
import {
  clientMessageLengths,
  maxConnInfo,
  maxInvitationInfo,
  maxMessageBody,
  ratchetPaddedLength,
  requireFits,
} from './size-limits.js'

const queue: QueueInfo = {
  version: 4,
  server: { hosts: [parseHost('smp.example.com')], port: '5223', keyHash: new Uint8Array(32) },
  senderId: new Uint8Array(24),
  dhKey: PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(1)).publicKey,
  queueMode: 'messaging',
}

test('the numbers of the spec', () => {
  expect([maxMessageBody(false), maxMessageBody(true)]).toEqual([15795, 13573])
  expect([maxConnInfo(false), maxConnInfo(true)]).toEqual([14829, 11103])
})

test.each([false, true])('the longest body and infos fill the padding to the last byte (pq: %s)', (pq) => {
  const room = (kind: 'message' | 'confirmation') => ratchetPaddedLength(kind, pq) - 2
  const msg = { type: 'msg', body: new Uint8Array(maxMessageBody(pq)) } as const
  const message = { type: 'message', sndMsgId: 2n, prevMsgHash: new Uint8Array(32), message: msg } as const
  expect(encode(agentMessage, message).length).toBe(room('message'))
  const info = { type: 'connInfo', connInfo: new Uint8Array(maxConnInfo(pq)) } as const
  expect(encode(agentMessage, info).length).toBe(room('confirmation'))
  const replyQueues = [queue, queue]
  const reply = { type: 'connInfoReply', replyQueues, connInfo: new Uint8Array(maxConnInfo(pq, replyQueues)) } as const
  expect(encode(agentMessage, reply).length).toBe(room('confirmation'))
})

test('the longest info of an invitation fills the client message to the last byte', () => {
  const x448 = PrivateKey.fromRaw('x448', new Uint8Array(56).fill(1)).publicKey
  const connReq: InvitationRequest = {
    type: 'invitation',
    agentVersions: { min: 2, max: 7 },
    queues: [{ ...queue, versionRange: { min: 4, max: 4 } }],
    clientData: null,
    e2e: { versions: { min: 2, max: 3 }, key1: x448, key2: x448, kem: null },
  }
  const connInfo = new Uint8Array(maxInvitationInfo(connectionRequestToText(connReq).length))
  const envelope = encode(agentEnvelope, { agentVersion: 7, type: 'invitation', connReq, connInfo })
  // `_` and the length of what is padded.
  expect(1 + envelope.length + 2).toBe(clientMessageLengths.withKey)
})

test('one byte more is refused with both numbers', () => {
  expect(() => requireFits('a body', 10, 10)).not.toThrow()
  expect(() => requireFits('a body', 11, 10)).toThrow(
    expect.objectContaining({ code: 'LARGE', message: 'expected a body of at most 10 bytes, got 11' }),
  )
})
