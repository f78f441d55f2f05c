import { PrivateKey, randomBytes, sign } from '@smpkit/crypto'
import { concat } from '@smpkit/encoding'
import type { Command, ServiceRole } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import { answerToRaw } from '../testing/raw.js'
import { newCertificate, testBroker } from '../testing/test-broker.js'
import { brief } from '../testing/test-client.js'
import { asNotifier, asRecipient, createQueue, newCommand, publicAuthKey } from '../testing/test-queue.js'

const empty = new Uint8Array(0)
const key = PrivateKey.generate('ed25519')
const authKey = publicAuthKey(key)
const dhKey = PrivateKey.generate('x25519').publicKey
const server = { hosts: [{ type: 'ipv4', text: '10.0.0.1' }], port: '', keyHash: randomBytes(32) } as const
const data = { linkId: randomBytes(24), fixedData: empty, userData: empty }
const counted = { count: 0n, idsHash: new Uint8Array(16) }

const ofMessaging: Command[] = [
  newCommand({}, { auth: authKey, dh: dhKey, ntf: null }),
  { tag: 'SUB' },
  { tag: 'SUBS', ...counted },
  { tag: 'KEY', senderKey: authKey },
  { tag: 'RKEY', keys: [authKey] },
  { tag: 'LSET', ...data },
  { tag: 'LDEL' },
  { tag: 'NKEY', authKey, dhKey },
  { tag: 'NDEL' },
  { tag: 'GET' },
  { tag: 'ACK', msgId: empty },
  { tag: 'OFF' },
  { tag: 'DEL' },
  { tag: 'QUE' },
  { tag: 'SKEY', senderKey: authKey },
  { tag: 'SEND', notification: false, body: empty },
  { tag: 'LKEY', senderKey: authKey },
  { tag: 'LGET' },
  { tag: 'PRXY', server, basicAuth: null },
  { tag: 'PFWD', fwdVersion: 20, commandKey: dhKey, encTransmission: empty },
  { tag: 'RSLV', name: 'alice.simplex' },
]
const ofNotifier: Command[] = [{ tag: 'NSUB' }, { tag: 'NSUBS', ...counted }]
const ofProxy: Command[] = [{ tag: 'RFWD', encFwdTransmission: empty }]
const withoutEntity = new Set(['NEW', 'PRXY', 'RFWD', 'RSLV', 'PING'])
const withoutKey = new Set(['LGET', 'PRXY', 'PFWD', 'RFWD', 'RSLV', 'PING'])

async function answerIn(role: ServiceRole, command: Command): Promise<string> {
  const client = testBroker().connect(20, newCertificate(role))
  const entityId = withoutEntity.has(command.tag) ? empty : randomBytes(24)
  return brief(await client.request(command, { entityId, key: withoutKey.has(command.tag) ? null : key }))
}

describe('a session of a service', () => {
  const cases = [
    ...ofMessaging.map((command) => ({ command, role: 'messaging' as ServiceRole })),
    ...ofNotifier.map((command) => ({ command, role: 'notifier' as ServiceRole })),
    ...ofProxy.map((command) => ({ command, role: 'proxy' as ServiceRole })),
  ]

  it.each(cases)('may give $command.tag as $role only', async ({ command, role }) => {
    for (const other of ['messaging', 'notifier', 'proxy'] as const) {
      const answer = await answerIn(other, command)
      if (other !== role) expect(answer).toBe('ERR CMD PROHIBITED')
      // A queue is created only together with its subscription.
      else if (command.tag !== 'NEW') expect(answer).not.toBe('ERR CMD PROHIBITED')
    }
  })

  it('may give PING in any role', async () => {
    for (const role of ['messaging', 'notifier', 'proxy'] as const)
      expect(await answerIn(role, { tag: 'PING' })).toBe('PONG')
  })

  it.each([16, 17, 18, 19, 20])('signs NEW, SUB and NSUB twice at version %i', async (version) => {
    const { connect } = testBroker()
    const member = connect(version, newCertificate('messaging'))
    const queue = await createQueue(member, { subMode: 'subscribe' })
    expect(brief(await member.request({ tag: 'SUB' }, asRecipient(queue)))).toBe('SOK')
    const ordinary = connect(version)
    const notified = await createQueue(connect(20), { notifier: true })
    const notifier = connect(version, newCertificate('notifier'))
    expect(brief(await notifier.request({ tag: 'NSUB' }, asNotifier(notified)))).toBe('SOK')
    expect(await ordinary.request({ tag: 'SUB' }, asRecipient(queue))).toEqual({ tag: 'SOK', serviceId: null })
  })
})

describe('the signature of a service', () => {
  async function setUp() {
    const test = testBroker()
    const certificate = newCertificate('messaging')
    const member = test.connect(20, certificate)
    const queue = await createQueue(member, { subMode: 'subscribe' })
    const service = member.session.service
    if (!service) throw new Error('expected a service')
    /** What is sent for a command without parameters, signed as told. */
    const answer = async (
      tag: string,
      options: {
        covered?: boolean
        by?: typeof service.sessionKey | null
        entityId?: Uint8Array
        entityKey?: PrivateKey<'ed25519'>
        client?: typeof member
      },
    ) => {
      const { covered = true, by = null, entityId = queue.recipientId, client = member } = options
      const corrId = randomBytes(24)
      const { sessionId } = client.session
      const text = new TextEncoder().encode(tag)
      const authorized = concat(
        Uint8Array.of(sessionId.length),
        sessionId,
        Uint8Array.of(24),
        corrId,
        Uint8Array.of(24),
        entityId,
        text,
      )
      const entityKey = options.entityKey ?? (queue.key as PrivateKey<'ed25519'>)
      const auth = sign(entityKey, covered ? concat(service.certHash, authorized) : authorized)
      const serviceSignature = by && sign(by, authorized)
      return brief((await answerToRaw(client, { auth, serviceSignature, corrId, entityId, command: tag })).message)
    }
    return { ...test, member, service, answer }
  }

  it('and that of the queue with the fingerprint before it make a SUB', async () => {
    const { answer, service } = await setUp()
    expect(await answer('SUB', { by: service.sessionKey })).toBe('SOK')
  })

  it('must be valid', async () => {
    const { answer } = await setUp()
    expect(await answer('SUB', { by: key })).toBe('ERR SERVICE')
  })

  it('does not replace that of the queue, which covers the fingerprint', async () => {
    const { answer, service } = await setUp()
    expect(await answer('SUB', { by: service.sessionKey, covered: false })).toBe('ERR AUTH')
    expect(await answer('SUB', { by: service.sessionKey, entityKey: key })).toBe('ERR AUTH')
  })

  it.each(['GET', 'QUE', 'OFF', 'DEL', 'LDEL', 'NDEL'])('must not stand in %s, in any session', async (tag) => {
    const { answer, service, connect } = await setUp()
    const both = { by: service.sessionKey, covered: false }
    expect(await answer(tag, both)).toBe('ERR SERVICE')
    expect(await answer(tag, { ...both, client: connect() })).toBe('ERR SERVICE')
    expect(await answer(tag, { covered: false })).not.toBe('ERR SERVICE')
  })

  it('must be missing in SUBS, whose only signature is that of the session key', async () => {
    const { connect, broker } = await setUp()
    const certificate = newCertificate('messaging')
    const entityId = broker.serviceId(certificate) ?? empty
    const member = connect(18, certificate)
    const sessionKey = member.session.service?.sessionKey ?? key
    const answer = async (by: PrivateKey<'ed25519'>, second: boolean) => {
      const corrId = randomBytes(24)
      const { sessionId } = member.session
      const text = new TextEncoder().encode('SUBS')
      const authorized = concat(
        Uint8Array.of(sessionId.length),
        sessionId,
        Uint8Array.of(24),
        corrId,
        Uint8Array.of(24),
        entityId,
        text,
      )
      const raw = { auth: sign(by, authorized), corrId, entityId, command: 'SUBS' }
      const serviceSignature = second ? sign(sessionKey, authorized) : null
      return brief((await answerToRaw(member, { ...raw, serviceSignature })).message)
    }
    expect(await answer(key, false)).toBe('ERR SERVICE')
    expect(await answer(sessionKey, true)).toBe('ERR SERVICE')
    expect(await answer(sessionKey, false)).toBe('SOKS')
  })
})
