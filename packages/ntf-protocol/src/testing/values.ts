// Sessions, and commands and responses of every kind with random fields.
import { PrivateKey } from '@smpkit/crypto'
import { cmd, type ErrorType } from '@smpkit/smp-commands'
import { type Host, parseHost, type ServerAddress } from '@smpkit/smp-commands/address'
import fc from 'fast-check'
import type { NtfCommand } from '../commands.js'
import type { NtfResponse } from '../responses.js'
import type { NtfClientEnd, NtfServerEnd } from '../session.js'
import type { NtfVersion } from '../versions.js'

export const versions = [1, 2, 3] as NtfVersion[]

const sessionKey = PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(7))

/** Both ends of one session. */
export function endsOf(version: NtfVersion, sessionId: Uint8Array = new Uint8Array(32).fill(3)) {
  const client: NtfClientEnd = { version, sessionId, serverKey: version === 1 ? null : sessionKey.publicKey }
  const server: NtfServerEnd = { version, sessionId, sessionKey }
  return { client, server }
}

const record = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(fields, { noNullPrototype: true }) as fc.Arbitrary<T>

const short = fc.uint8Array({ maxLength: 255 })
const seed = fc.uint8Array({ minLength: 32, maxLength: 32 })
const dhKey = seed.map((raw) => PrivateKey.fromRaw('x25519', raw).publicKey)
const privateKey = fc.oneof(
  seed.map((raw) => PrivateKey.fromRaw('ed25519', raw)),
  seed.map((raw) => PrivateKey.fromRaw('x25519', raw)),
  fc.uint8Array({ minLength: 57, maxLength: 57 }).map((raw) => PrivateKey.fromRaw('ed448', raw)),
)
const authKey = privateKey.map((key) => key.publicKey)
const host: fc.Arbitrary<Host> = fc
  .constantFrom('smp.example.com', '10.1.2.3', '2001:db8::1', 'abcdef.onion', 'UPPER.example', 'smp7.simplex.im')
  .map(parseHost)

/** Of a server that has no second host that is added when its address is read. */
export const address: fc.Arbitrary<ServerAddress> = record<ServerAddress>({
  hosts: fc.array(host, { minLength: 1, maxLength: 3 }),
  port: fc.constantFrom('', '5223', '443'),
  keyHash: fc.uint8Array({ minLength: 1, maxLength: 40 }),
})

const provider = fc.constantFrom('AD', 'AP', 'AT', 'AN')
const tagged = <T extends string>(tag: T) => fc.constant(tag)

export const command: fc.Arbitrary<NtfCommand> = fc.oneof(
  fc.constantFrom<NtfCommand>({ tag: 'TCHK' }, { tag: 'TDEL' }, { tag: 'SCHK' }, { tag: 'SDEL' }, { tag: 'PING' }),
  record({ tag: tagged('TNEW'), provider, token: short, authKey, dhKey }),
  record({ tag: tagged('TVFY'), code: short }),
  record({ tag: tagged('TRPL'), provider, token: short }),
  record({ tag: tagged('TCRN'), minutes: fc.nat(0xffff) }),
  record({ tag: tagged('SNEW'), tokenId: short, server: address, notifierId: short, notifierKey: privateKey }),
)

const error: fc.Arbitrary<ErrorType> = fc.oneof(
  fc.constantFrom<ErrorType>({ code: 'AUTH' }, { code: 'QUOTA' }, { code: 'BLOCK' }, cmd('SYNTAX'), cmd('NO_ENTITY')),
  record({ code: tagged('STORE'), text: fc.string({ unit: 'binary' }) }),
)
const reason = fc.constantFrom('BAD', 'TOPIC', 'EXPIRED', 'UNREGISTERED', null)

export const response: fc.Arbitrary<NtfResponse> = fc.oneof(
  fc.constantFrom<NtfResponse>({ tag: 'OK' }, { tag: 'PONG' }),
  record({ tag: tagged('IDTKN'), tokenId: short, dhKey }),
  record({ tag: tagged('IDSUB'), subscriptionId: short }),
  record({ tag: tagged('TKN'), status: tagged('INVALID'), reason }),
  record({
    tag: tagged('TKN'),
    status: fc.constantFrom('NEW', 'REGISTERED', 'CONFIRMED', 'ACTIVE', 'EXPIRED'),
    reason: fc.constant(null),
  }),
  record({
    tag: tagged('SUB'),
    status: fc.constantFrom('NEW', 'PENDING', 'ACTIVE', 'INACTIVE', 'END', 'DELETED', 'AUTH', 'SERVICE'),
    errorText: fc.constant(null),
  }),
  record({ tag: tagged('SUB'), status: tagged('ERR'), errorText: fc.uint8Array({ maxLength: 600 }) }),
  record({ tag: tagged('ERR'), error }),
)
