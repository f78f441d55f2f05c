// Messages that a client could send: good ones, and what becomes of them when bytes and values are changed at random.
import { PrivateKey } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { encodeRequest, newId } from '@smpkit/service-protocol'
import { addressText } from '../../src/testing/setup.js'

export type Random = () => number

/** What a client knows: its own ids, those that it has learned of others, and ids of nothing. */
export interface Known {
  readonly tokens: readonly string[]
  readonly subscriptions: readonly string[]
}

const encoder = new TextEncoder()
const dhKey = toBase64url(PrivateKey.generate('x25519').publicKey.toDer())
const notifierKeys = ['ed25519', 'ed448', 'x25519'].map((name) =>
  toBase64url(PrivateKey.generate(name as 'ed25519').toDer()),
)

export const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T

const randomText = (random: Random, length: number): string =>
  Array.from({ length }, () => String.fromCharCode(32 + Math.floor(random() * 0x2000))).join('')

export const randomId = (random: Random): string =>
  toBase64url(Uint8Array.from({ length: 24 }, () => Math.floor(random() * 256)))

function subscription(random: Random, known: Known, name: string): unknown {
  const token =
    random() < 0.5
      ? { id: pick(random, known.tokens) }
      : { provider: 'console', token: `${name} ${pick(random, [1, 2])}`, dhKey }
  return {
    server: addressText('smp.example.com', pick(random, [1, 2, 3])),
    notifierId: random() < 0.5 ? toBase64url(new Uint8Array(24).fill(random() * 256)) : randomId(random),
    notifierKey: pick(random, notifierKeys),
    token,
    wait: pick(random, [0, 1, 15]),
  }
}

interface Asked {
  readonly method: string
  readonly resource: string
  readonly data?: unknown
}

/** A request that the service knows. `name` stands in the client's tokens. */
function goodRequest(random: Random, known: Known, name: string): Asked {
  const [token, id] = [pick(random, known.tokens), pick(random, known.subscriptions)]
  const several = () => Array.from({ length: Math.floor(random() * 5) }, () => subscription(random, known, name))
  return pick<() => Asked>(random, [
    () => ({ method: 'get', resource: '/' }),
    () => ({ method: 'post', resource: '/ntf/subscriptions', data: subscription(random, known, name) }),
    () => ({ method: 'post', resource: '/ntf/subscriptions', data: several() }),
    () => ({ method: 'get', resource: `/ntf/subscriptions/${id}` }),
    () => ({ method: 'get', resource: `/ntf/subscriptions?status=active&limit=${pick(random, [1, 50])}&after=${id}` }),
    () => ({ method: 'delete', resource: `/ntf/subscriptions/${id}` }),
    () => ({ method: 'delete', resource: '/ntf/subscriptions', data: [id, randomId(random)] }),
    () => ({
      method: 'post',
      resource: '/ntf/tokens',
      data: { provider: 'console', token: `${name} ${pick(random, [1, 2, 3, 4, 5])}`, dhKey },
    }),
    () => ({ method: 'put', resource: `/ntf/tokens/${token}/verification`, data: { code: randomId(random) } }),
    () => ({ method: 'put', resource: `/ntf/tokens/${token}`, data: { provider: 'console', token: `${name} new` } }),
    () => ({
      method: 'put',
      resource: `/ntf/tokens/${token}/periodic`,
      data: { minutes: pick(random, [0, 10, 20, 1e9]) },
    }),
    () => ({ method: 'get', resource: `/ntf/tokens/${token}` }),
    () => ({ method: 'delete', resource: `/ntf/tokens/${token}` }),
    () => ({
      method: pick(random, ['patch', 'options', 'GET', '']),
      resource: pick(random, ['/ntf/tokens', '/nothing', '/../x']),
    }),
  ])()
}

const oddValues = (random: Random): unknown =>
  pick<() => unknown>(random, [
    () => null,
    () => -1,
    () => 1e308,
    () => 0.5,
    () => true,
    () => '',
    () => randomText(random, 10),
    () => 'x'.repeat(20_000),
    () => [],
    () => ({}),
    () => JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":1}}') as unknown,
    () => Array(100).fill({}),
    () => JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) as unknown,
  ])()

/** With one value of it exchanged, somewhere. */
function withOddValue(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.2) return oddValues(random)
  if (Array.isArray(value)) {
    const at = Math.floor(random() * value.length)
    return value.map((one, i) => (i === at ? withOddValue(random, one) : one))
  }
  const names = [...Object.keys(value), '__proto__', 'toString', 'more']
  const name = pick(random, names)
  const changed = withOddValue(random, (value as Record<string, unknown>)[name])
  return Object.fromEntries([...Object.entries(value), [name, changed]])
}

function withOddBytes(random: Random, bytes: Uint8Array): Uint8Array {
  const at = Math.floor(random() * bytes.length)
  return pick(random, [
    () => bytes.slice(0, at),
    () => bytes.map((byte, i) => (i === at ? byte ^ (1 << Math.floor(random() * 8)) : byte)),
    () => Uint8Array.of(...bytes.slice(0, at), Math.floor(random() * 256), ...bytes.slice(at)),
    () => Uint8Array.of(...bytes.slice(0, at), ...bytes.slice(Math.floor(random() * bytes.length))),
    () => Uint8Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256)),
  ])()
}

/** One third as it should be, one third with odd values, one third with odd bytes. */
export function hostileMessage(random: Random, known: Known, name: string): Uint8Array {
  const good = goodRequest(random, known, name)
  const kind = random()
  const id = newId()
  if (kind > 0.66) {
    const params = withOddValue(random, { resource: good.resource, data: good.data })
    const message = { v: '1', msgId: id, event: `s.${good.method}`, params }
    return encoder.encode(JSON.stringify(random() < 0.8 ? message : withOddValue(random, message)))
  }
  const { data } = good
  const text = `${id} s.${good.method} ${good.resource}${data === undefined ? '' : ` ${JSON.stringify(data)}`}`
  const params = { resource: good.resource, ...(data !== undefined && { data }) }
  const json = { v: '1', msgId: id, event: `s.${good.method}`, params }
  const bytes = encoder.encode(random() < 0.3 ? text : JSON.stringify(json))
  return kind > 0.33 ? withOddBytes(random, bytes) : bytes
}

export const request = (method: string, resource: string, data?: unknown): Uint8Array =>
  encodeRequest({ id: newId(), method, resource, data })
