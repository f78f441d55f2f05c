// First messages: what anybody who has a link can send to its queue.
import { find, get, update } from '@smpkit/agent-store'
import { PrivateKey, PublicKey } from '@smpkit/crypto'
import { generateKemKeyPair } from '@smpkit/ratchet'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ConnectionId, idFromText } from './connection-id.js'
import { type InvitationRequest, parseConnectionRequest } from './connection-request.js'
import { type Forgery, forgeConfirmation, useStrangers } from './testing/forged-confirmation.js'
import { useForgers } from './testing/forger.js'
import { useServer } from './testing/server.js'
import { bytes, text, type User, useUsers } from './testing/users.js'

const server = useServer()
const users = useUsers(() => ({ servers: [server().addressText] }))
const send = useStrangers()
const forgerOf = useForgers()

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

async function rows({ store }: User, connection: ConnectionId) {
  const connId = idFromText(connection)
  return await store.read({
    connection: get('connections', { connId }),
    ratchet: get('ratchets', { connId }),
    queues: find('receiveQueues', 'byConnection', { connId }),
    confirmation: get('confirmations', { connId }),
    requests: find('requests', 'byConnection', { connId }),
  })
}

const invitationEnvelope = (link: string) => {
  const connReq = parseConnectionRequest(link) as InvitationRequest
  return { agentVersion: 7, type: 'invitation', connReq, connInfo: bytes('info') } as const
}

/** A change of one byte near the end. */
const changed = (message: Uint8Array) => {
  const other = message.slice()
  other[message.length - 20] = (other[message.length - 20] ?? 0) ^ 1
  return other
}

const worthless = PublicKey.fromRaw('x25519', new Uint8Array(32))

const badConfirmations: [string, string, Forgery][] = [
  ['for another key of the queue', 'A_CRYPTO', { wrongDhKey: PrivateKey.generate('x25519').publicKey }],
  ['of agent version 1', 'A_VERSION', { agentVersion: 1 }],
  ['of agent version 8', 'A_VERSION', { agentVersion: 8 }],
  ['of queue version 5', 'A_VERSION', { clientVersion: 5 }],
  ['of encryption version 1', 'A_VERSION', { params: (params) => ({ ...params, version: 1, kem: null }) }],
  ['of encryption version 4', 'A_VERSION', { params: (params) => ({ ...params, version: 4 }) }],
  ['without parameters', 'A_PROHIBITED', { params: () => null }],
  [
    'with the keys of somebody else',
    'RATCHET_HEADER',
    { params: (params) => ({ ...params, key1: PrivateKey.generate('x448').publicKey }) },
  ],
  [
    'with a key of low order',
    'A_MESSAGE',
    { params: (params) => ({ ...params, key2: PublicKey.fromRaw('x448', new Uint8Array(56)) }) },
  ],
  [
    'with a post-quantum secret for a key that was not offered',
    'KEM_STATE',
    {
      encrypted: (message) => message.subarray(0, 1000),
      params: (params) => ({
        ...params,
        kem: { type: 'accepted', ciphertext: random(1039), key: generateKemKeyPair(random).publicKey },
      }),
    },
  ],
  ['that does not decrypt', 'DECRYPT_AES', { encrypted: changed }],
  ['that is cut', 'A_MESSAGE', { encrypted: (message) => message.subarray(0, 20) }],
  ['of random bytes', 'A_MESSAGE', { encrypted: () => new Uint8Array(500).fill(0xff) }],
  ['with a reply queue whose key is of low order', 'A_CRYPTO', { replyKey: worthless }],
  ['without a reply queue', 'A_PROHIBITED', { content: { type: 'connInfo', connInfo: bytes('info') } }],
  [
    'with a message in it',
    'A_PROHIBITED',
    { content: { type: 'message', sndMsgId: 1n, prevMsgHash: bytes(''), message: { type: 'hello' } } },
  ],
  [
    'that is a message',
    'A_PROHIBITED',
    { envelope: { agentVersion: 7, type: 'message', encAgentMessage: random(100) } },
  ],
]

describe('the queue of an invitation', () => {
  let alice: User
  let invitation: Awaited<ReturnType<User['agent']['createInvitation']>>
  beforeAll(async () => {
    alice = await users.create()
    invitation = await alice.agent.createInvitation()
  })

  /** What it does not take leaves everything as it was. */
  async function refused(body: Uint8Array, code: string): Promise<void> {
    const former = await rows(alice, invitation.connection)
    await send(invitation.link, body)
    expect(await alice.taken('error')).toMatchObject({ code })
    expect(await rows(alice, invitation.connection)).toEqual(former)
  }

  it.each(badConfirmations)('refuses a confirmation %s: %s', async (_name, code, forgery) => {
    await refused(forgeConfirmation(invitation.link, forgery), code)
  })

  it('refuses a request', async () => {
    const envelope = invitationEnvelope(invitation.link)
    await refused(forgeConfirmation(invitation.link, { envelope }), 'A_PROHIBITED')
  })

  it('refuses a message without a key, and bytes that are none', async () => {
    await refused(new Uint8Array([0, 4, 0x30, ...random(500)]), 'A_PROHIBITED')
    await refused(bytes('no message'), 'A_MESSAGE')
    await refused(bytes('no message').fill(0), 'A_MESSAGE')
    await refused(new Uint8Array([0, 4]), 'A_MESSAGE')
  })

  it('is joined all the same, by the first confirmation that is right; others are nothing then', async () => {
    const { connection: a, link } = invitation
    const bob = await users.create()
    const b = await bob.agent.join(link, { info: bytes('bob') })
    expect(text((await alice.taken('confirmation')).info)).toBe('bob')
    const stranger = send(link, forgeConfirmation(link))
    await expect(stranger).rejects.toMatchObject({ code: 'AUTH' })
    const forger = forgerOf(bob, b)
    const former = await rows(alice, a)
    await forger.send(forgeConfirmation(link))
    const repeated = forgeConfirmation(link)
    await forger.send(repeated)
    await forger.send(repeated)
    await forger.send(forgeConfirmation(link, { envelope: invitationEnvelope(link) }))
    expect(await alice.taken('error')).toMatchObject({ code: 'A_PROHIBITED' })
    expect(await rows(alice, a)).toEqual(former)
    await alice.agent.allow(a, bytes('alice'))
    await bob.taken('info')
    await bob.taken('connected')
    await alice.taken('connected')
    await bob.agent.send(b, bytes('hello'))
    expect(await alice.messages(1)).toEqual(['hello'])
  })
})

it('an answer has the key with which the joiner is to secure a queue that its sender cannot secure', async () => {
  const [alice, bob] = [await users.create(), await users.create()]
  const { connection, link } = await alice.agent.createInvitation()
  const connId = idFromText(await bob.agent.join(link, { info: bytes('bob') }))
  await alice.taken('confirmation')
  // As a server says that does not know SKEY; the peer has heard otherwise.
  await bob.store.atomic({}, () => ({
    writes: [update('receiveQueues', { connId, queueNo: 1 }, { queueMode: null })],
    result: undefined,
  }))
  await alice.agent.allow(connection, bytes('alice'))
  expect(await bob.taken('error')).toMatchObject({ code: 'A_PROHIBITED' })
})

const withWorthlessKey = (link: string) =>
  parseConnectionRequest(link).queues.map((queue) => ({ ...queue, dhKey: worthless }))

it('a link with a key of low order is refused, and nothing is stored', async () => {
  const user = await users.create()
  const { link } = await user.agent.createInvitation()
  const request = { ...parseConnectionRequest(link), queues: withWorthlessKey(link) }
  const joining = user.agent.join(request, { info: bytes('info') })
  await expect(joining).rejects.toMatchObject({ name: 'PeerError', code: 'A_CRYPTO' })
  expect(await user.store.last('commands')).toBe(0)
})

describe('the queue of a contact address', () => {
  it('refuses what is no request, and takes the next one', async () => {
    const [owner, guest] = [await users.create(), await users.create()]
    const { link, connection } = await owner.agent.createAddress()
    const { link: invitation } = await guest.agent.createInvitation()
    const versions = (changes: Partial<InvitationRequest>) => {
      const connReq = { ...(parseConnectionRequest(invitation) as InvitationRequest), ...changes }
      return forgeConfirmation(link, { envelope: { ...invitationEnvelope(invitation), connReq } })
    }
    const confirmation = { agentVersion: 7, type: 'confirmation', e2eParams: null, encConnInfo: random(100) } as const
    const bad: [Uint8Array, string][] = [
      [random(2).fill(0), 'A_MESSAGE'],
      [new Uint8Array([0, 4, 0x30, ...random(500)]), 'A_PROHIBITED'],
      [forgeConfirmation(link, { envelope: confirmation }), 'A_PROHIBITED'],
      [forgeConfirmation(link, { envelope: { ...invitationEnvelope(invitation) }, clientVersion: 5 }), 'A_VERSION'],
      [
        forgeConfirmation(link, {
          envelope: invitationEnvelope(invitation),
          wrongDhKey: PrivateKey.generate('x25519').publicKey,
        }),
        'A_CRYPTO',
      ],
      [versions({ agentVersions: { min: 8, max: 9 } }), 'A_VERSION'],
      [versions({ queues: withWorthlessKey(invitation) }), 'A_CRYPTO'],
    ]
    const former = await rows(owner, connection)
    for (const [body, code] of bad) {
      await send(link, body)
      expect(await owner.taken('error')).toMatchObject({ code })
    }
    expect(await rows(owner, connection)).toEqual(former)
    await guest.agent.join(link, { info: bytes('guest') })
    expect(text((await owner.taken('request')).info)).toBe('guest')
  })
})
