import { connect as connectTls } from 'node:tls'
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import {
  authorize,
  type BlockConnection,
  type ClientSession,
  type Command,
  packBlock,
  parseBlock,
  plainTransmission,
  type ReceivedMessage,
  receiveMessage,
} from '@smpkit/smp-commands'
import { portOf } from '@smpkit/smp-commands/address'
import { joinTransmission } from '@smpkit/smp-commands/internal'
import { connectSmp } from '@smpkit/smp-transport'
import { tlsParameters } from '@smpkit/smp-transport/internal'
import { afterEach, describe, expect, it } from 'vitest'
import { newCorrId, ping, type Queue } from '../src/index.js'
import { bytes, newKey, useTarget } from './target.js'

const target = useTarget()
const none = new Uint8Array(0)
const block = { code: 'BLOCK' }
const cmd = (code: string) => ({ code: 'CMD', inner: { code } })

/** A connection that sends what a client of ours does not. */
class Raw {
  readonly #messages: AsyncGenerator<ReceivedMessage, undefined>

  constructor(readonly connection: BlockConnection<ClientSession>) {
    this.#messages = this.#receive()
  }

  async *#receive(): AsyncGenerator<ReceivedMessage, undefined> {
    for await (const content of this.connection) {
      for (const one of parseBlock(content)) yield receiveMessage(this.connection.session, one.slice())
    }
    return undefined
  }

  send(content: Uint8Array): Promise<void> {
    return this.connection.send(content)
  }

  async next(): Promise<ReceivedMessage | undefined> {
    return (await this.#messages.next()).value
  }

  /** Sends one block and expects one error. */
  async error(content: Uint8Array): Promise<{ corrId: Uint8Array; entityId: Uint8Array; error: unknown }> {
    await this.send(content)
    const received = await this.next()
    const error = received?.message?.tag === 'ERR' ? received.message.error : received?.message?.tag
    return { corrId: received?.corrId ?? none, entityId: received?.entityId ?? none, error }
  }

  /** A PING, answered in its turn. */
  async ping(): Promise<void> {
    const corrId = newCorrId()
    await this.send(packBlock([this.plain(corrId, none, bytes('PING'))]))
    for (let message = await this.next(); message; message = await this.next()) {
      if (String(message.corrId) !== String(corrId)) continue
      expect(message.message).toEqual({ tag: 'PONG' })
      return
    }
    throw new Error('expected PONG, the connection ended')
  }

  plain(corrId: Uint8Array, entityId: Uint8Array, command: Uint8Array): Uint8Array {
    return plainTransmission(corrId, entityId, (w) => w.raw(command))
  }

  authorized(command: Command, entityId: Uint8Array, key: PrivateKey<'ed25519'>, corrId = newCorrId()): Uint8Array {
    return authorize(this.connection.session, { corrId, entityId, command, key }).transmission
  }
}

const connections: BlockConnection<ClientSession>[] = []
afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close()))
})

async function raw(): Promise<Raw> {
  const connection = await connectSmp(target.address)
  connections.push(connection)
  return new Raw(connection)
}

describe('a block that cannot be read', () => {
  it.each([
    ['nothing', none],
    ['a count of 0', Uint8Array.of(0)],
    ['a count that is too large', Uint8Array.of(2, 0, 1, 0)],
    ['a count that is too small', Uint8Array.of(1, 0, 1, 0, 0, 1, 0)],
    ['a length beyond the block', Uint8Array.of(1, 0xff, 0xff, 0)],
    ['half a length', Uint8Array.of(1, 0)],
  ])('with %s is answered with ERR BLOCK, and the connection goes on', async (_, content) => {
    const client = await raw()
    expect(await client.error(content)).toEqual({ corrId: none, entityId: none, error: block })
    await client.ping()
  })
})

describe('a transmission', () => {
  it.each([
    ['an unknown command', 'NOPE', cmd('UNKNOWN')],
    ['a message of servers', 'OK', cmd('UNKNOWN')],
    ['no command', '', cmd('UNKNOWN')],
    ['parameters that its command does not have', 'PING x', cmd('SYNTAX')],
    ['a space behind its command', 'PING ', cmd('SYNTAX')],
    ['parameters that are cut short', 'LKEY \u0005abc', cmd('SYNTAX')],
    ['no parameters where there must be some', 'ACK', cmd('SYNTAX')],
  ])('with %s is answered with its ids', async (_, command, error) => {
    const client = await raw()
    const [corrId, entityId] = [newCorrId(), randomBytes(24)]
    const content = packBlock([client.plain(corrId, entityId, bytes(command))])
    expect(await client.error(content)).toEqual({ corrId, entityId, error })
    await client.ping()
  })

  it('with an authorization of a length that there is not is answered without its entity', async () => {
    const client = await raw()
    for (const length of [1, 63, 65, 79, 113, 255]) {
      const corrId = newCorrId()
      const body = client.plain(corrId, randomBytes(24), bytes('SUB')).subarray(1)
      const { version } = client.connection.session
      const content = packBlock([joinTransmission(version, randomBytes(length), null, body)])
      expect(await client.error(content)).toEqual({ corrId, entityId: none, error: block })
    }
    await client.ping()
  })

  it('without the credentials that its command needs, or with those that it must not have', async () => {
    const client = await raw()
    const key = newKey()
    const corrId = newCorrId()
    const id = randomBytes(24)
    const cases: [Uint8Array, Uint8Array, unknown][] = [
      [client.plain(corrId, id, bytes('SUB')), id, cmd('NO_AUTH')],
      [client.authorized({ tag: 'SUB' }, none, key, corrId), none, cmd('NO_AUTH')],
      [client.plain(corrId, none, bytes('LGET')), none, cmd('NO_ENTITY')],
      [client.plain(corrId, none, bytes('SEND F x')), none, cmd('NO_ENTITY')],
      [client.plain(corrId, id, bytes('PING')), id, cmd('HAS_AUTH')],
      [client.authorized({ tag: 'PING' }, none, key, corrId), none, cmd('HAS_AUTH')],
      [client.authorized({ tag: 'LGET' }, id, key, corrId), id, cmd('HAS_AUTH')],
    ]
    for (const [transmission, entityId, error] of cases) {
      expect(await client.error(packBlock([transmission]))).toEqual({ corrId, entityId, error })
    }
    await client.ping()
  })

  it('with a key that can authorize nothing is a syntax error', async () => {
    const client = await raw()
    const corrId = newCorrId()
    const der = PrivateKey.generate('x448').publicKey.toDer()
    const skey = [...bytes('SKEY '), der.length, ...der]
    const entityId = randomBytes(24)
    const body = client.plain(corrId, entityId, Uint8Array.from(skey)).subarray(1)
    const content = packBlock([joinTransmission(client.connection.session.version, randomBytes(64), null, body)])
    expect(await client.error(content)).toEqual({ corrId, entityId, error: cmd('SYNTAX') })
    await client.ping()
  })

  it('that cannot be authorized does not stop the others of its block', async () => {
    const session = await target.open()
    const queue = await target.newQueue(session, { subMode: 'create' })
    const key = queue.recipientKey as PrivateKey<'ed25519'>
    const client = await raw()
    const corrIds = [newCorrId(), newCorrId(), newCorrId()] as const
    await client.send(
      packBlock([
        client.authorized({ tag: 'QUE' }, queue.recipientId, newKey(), corrIds[0]),
        client.authorized({ tag: 'QUE' }, queue.recipientId, key, corrIds[1]),
        client.plain(corrIds[2], queue.recipientId, bytes('NOPE')),
      ]),
    )
    const answers = new Map<string, string | undefined>()
    for (let i = 0; i < 3; i++) {
      const received = await client.next()
      answers.set(String(received?.corrId), received?.message?.tag)
    }
    expect(corrIds.map((corrId) => answers.get(String(corrId)))).toEqual(['ERR', 'INFO', 'ERR'])
  })

  it('that was authorized for another session or with other bytes is refused', async () => {
    const queue = await target.newQueue(await target.open(), { subMode: 'create' })
    const key = queue.recipientKey as PrivateKey<'ed25519'>
    const [first, second] = [await raw(), await raw()]
    const replayed = first.authorized({ tag: 'QUE' }, queue.recipientId, key)
    expect((await second.error(packBlock([replayed]))).error).toEqual({ code: 'AUTH' })
    const changed = second.authorized({ tag: 'QUE' }, queue.recipientId, key)
    changed[10] = (changed[10] as number) ^ 1
    expect((await second.error(packBlock([changed]))).error).toEqual({ code: 'AUTH' })
  })
})

describe('a client that misbehaves', () => {
  it('by ending in the middle of a block does not disturb the others', async () => {
    const session = await target.open()
    for (const length of [0, 1, 5000, 16_384, 20_000]) {
      await new Promise<void>((resolve) => {
        const [host] = target.address.hosts
        const options = { host: host?.text, port: portOf(target.address), servername: '', rejectUnauthorized: false }
        const socket = connectTls({ ...tlsParameters(), ...options, ALPNProtocols: ['smp/1'] }, () => {
          socket.write(randomBytes(length), () => socket.destroy())
        })
        socket.on('error', () => {})
        socket.on('close', () => resolve())
      })
      await ping(session)
    }
  })

  it('by sending without reading costs a bounded buffer, and the others are answered', async () => {
    const session = await target.open()
    const { connection } = await raw()
    const pings = Array.from({ length: 255 }, () =>
      plainTransmission(randomBytes(24), none, (w) => w.raw(bytes('PING'))),
    )
    const content = packBlock(pings)
    const before = process.memoryUsage().rss
    const ended = connection.closed.then(() => 'stop' as const)
    for (let i = 0; i < 4000; i++) {
      const stalled = new Promise<'stop'>((resolve) => setTimeout(resolve, 2000, 'stop'))
      const sent = connection.send(content).then(
        () => 'sent' as const,
        () => 'stop' as const,
      )
      if ((await Promise.race([sent, ended, stalled])) === 'stop') break
    }
    await ping(session)
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024)
  })
})

describe('5,000 random and mutated blocks', () => {
  it('with at most two authorized commands each do no harm, and a PING afterwards is answered', async () => {
    const bystander = await target.open()
    const queue = await target.newQueue(bystander, { subMode: 'create' })
    const before = process.memoryUsage().rss
    let client = await raw()
    let valid = transmissions(client, queue)
    const random = generator(20_261_125)
    for (let i = 1; i <= 5000; i++) {
      const content = i % 5 === 0 ? randomBytes(1 + random(16_000)) : mutated(pick(valid, random), random)
      // Where the server has ended the connection the next PING shows it.
      await client.send(content).catch(() => {})
      // Answers are read all along; what the server is slow to do bounds what we send.
      if (i % 50 !== 0) continue
      const end = await client.ping().catch((error: unknown) => error)
      if (end !== undefined) {
        // Some servers end a connection that sends nonsense: that is in order, too.
        client = await raw()
        valid = transmissions(client, queue)
      }
    }
    await ping(bystander)
    await (await raw()).ping()
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024)
    expect(target.faults).toEqual([])
  })
})

function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return Math.floor((state >>> 8) * (below / 2 ** 24))
  }
}

const pick = <T>(items: readonly T[], random: (below: number) => number): T => items[random(items.length)] as T

/** Blocks of one or two commands, of which all are in order. */
function transmissions(client: Raw, queue: Queue): Uint8Array[] {
  const key = queue.recipientKey as PrivateKey<'ed25519'>
  const { publicKey } = newKey()
  const dhKey = PrivateKey.generate('x25519').publicKey
  const mine: Command[] = [
    { tag: 'SUB' },
    { tag: 'QUE' },
    { tag: 'ACK', msgId: randomBytes(24) },
    { tag: 'NKEY', authKey: publicKey, dhKey },
    { tag: 'KEY', senderKey: publicKey },
    { tag: 'LSET', linkId: randomBytes(24), fixedData: randomBytes(50), userData: randomBytes(50) },
  ]
  const all = [
    ...mine.map((command) => client.authorized(command, queue.recipientId, key)),
    client.plain(newCorrId(), queue.senderId, bytes('SEND T hello')),
    client.plain(newCorrId(), randomBytes(24), bytes('LGET')),
    client.plain(newCorrId(), none, bytes('PING')),
  ]
  return all.map((one, i) => packBlock(i % 2 ? [one] : [one, all[(i + 1) % all.length] as Uint8Array]))
}

function mutated(valid: Uint8Array, random: (below: number) => number): Uint8Array {
  const changed = Array.from(valid)
  for (let changes = random(4); changes >= 0; changes--) {
    const at = random(changed.length)
    const kind = random(4)
    if (kind < 2) changed[at] = random(256)
    else if (kind === 2) changed.splice(at, 1 + random(8))
    else changed.splice(at, 0, ...changed.slice(at, at + 1 + random(8)))
    if (changed.length < 4) return Uint8Array.from(changed)
  }
  // Let the length of a single transmission be right again: what is inside is reached.
  if (changed[0] === 1 && random(2)) {
    changed[1] = (changed.length - 3) >> 8
    changed[2] = (changed.length - 3) & 0xff
  }
  return Uint8Array.from(changed)
}
