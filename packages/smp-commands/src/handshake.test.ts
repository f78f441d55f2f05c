import { readFileSync } from 'node:fs'
import { type DhAlgorithm, PrivateKey, PublicKey, type SigningAlgorithm, signKey } from '@smpkit/crypto'
import { type Codec, DecodeError, decode, encode, Reader, toHex, type VersionRange } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ClientHandshakeInput, type ClientService, clientHandshake } from './client-handshake.js'
import { errorTypeCode } from './error-type.js'
import { HandshakeError } from './errors.js'
import { clientHello, serverHello, serviceResponse } from './hellos.js'
import { type ServerHandshakeInput, serverHandshake } from './server-handshake.js'
import { smpVersions } from './versions.js'

interface Inputs {
  alpn: boolean
  sessionId: string
  serverHello: string
  clientHello: string
  certChain: string[]
  tlsPeerChain: string[]
  tlsClientChain: string[]
  keyHash: string
  versionRange: VersionRange
  proxyServer: boolean
  leafPrivateKey: string
  sessionPrivateKey: string | null
  service:
    | (Pick<ClientService, 'role' | 'certificateSent'> &
        Record<'leafPrivateKey' | 'sessionPrivateKey', string> & { certChain: string[] })
    | null
  serviceResponse: string | null
  serviceId: string
}

interface Case {
  id: string
  name: string
  op: string
  type: string
  value: { version: number }
  bytes: string
  in: Inputs
  out?: { version: number; implySessionId: boolean; serviceAuth: boolean }
  error?: string
  sent?: string[]
  quirk?: boolean
}

const cases: Case[] = ['smp-handshake', 'smp-handshake-v19'].flatMap((name) => {
  const url = new URL(`../../../test-vectors/smp/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')).cases.map((c: Case) => ({ ...c, name: `${name} ${c.id}` }))
})

const named = (name: string) => cases.find((c) => c.name === name) as Case

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const chain = (list: string[]): Uint8Array[] => list.map(hex)
const toText = (bytes: Uint8Array | null): string | null => bytes && toHex(bytes)
const keyToText = (key: PublicKey | null): string | null => key && toHex(key.toDer())
const privateKey = <A extends SigningAlgorithm | DhAlgorithm>(text: string): PrivateKey<A> =>
  PrivateKey.fromDer(hex(text)) as PrivateKey<A>

const codecs: Record<string, Codec<unknown>> = { serverHello, clientHello, serviceResponse }

/** Our value in the vectors' JSON. */
function neutral(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(neutral)
  if (typeof value !== 'object' || value === null) return value
  if ('toDer' in value) return keyToText(value as PublicKey)
  if ('code' in value) return errorTypeCode(value as never)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, neutral(inner)]))
}

function clientInput(input: Inputs): ClientHandshakeInput {
  return {
    sessionId: hex(input.sessionId),
    serverHello: hex(input.serverHello),
    tlsPeerChain: chain(input.tlsPeerChain),
    keyHash: hex(input.keyHash),
    versionRange: input.versionRange,
    proxyServer: input.proxyServer,
    sessionPrivateKey: input.sessionPrivateKey === null ? null : privateKey(input.sessionPrivateKey),
    service: input.service && {
      role: input.service.role,
      certChain: chain(input.service.certChain),
      leafPrivateKey: privateKey(input.service.leafPrivateKey),
      sessionPrivateKey: privateKey(input.service.sessionPrivateKey),
      certificateSent: input.service.certificateSent,
    },
  }
}

function serverInput(input: Inputs): ServerHandshakeInput {
  return {
    alpn: input.alpn,
    sessionId: hex(input.sessionId),
    certChain: chain(input.certChain),
    leafPrivateKey: privateKey(input.leafPrivateKey),
    sessionPrivateKey: privateKey(input.sessionPrivateKey as string),
    keyHash: hex(input.keyHash),
    versionRange: input.versionRange,
    tlsClientChain: chain(input.tlsClientChain),
    serviceId: () => hex(input.serviceId),
  }
}

function runClient(input: Inputs) {
  const result = clientHandshake(clientInput(input))
  const service = result.acceptService && input.serviceResponse && result.acceptService(hex(input.serviceResponse))
  return {
    clientHello: toHex(result.clientHello),
    version: result.version,
    blockEncryption: result.blockEncryption,
    serverKey: keyToText(result.serverKey),
    sessionSecretRaw: toText(result.sessionSecret),
    serviceId: service ? toHex(service.serviceId) : null,
  }
}

/** What the vectors call the error: the protocol's own word for it. */
const word = ({ code }: HandshakeError) => (code === 'SESSION' || code === 'VERSION' ? code : `HANDSHAKE ${code}`)

function errorOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof HandshakeError) return word(error)
    throw error
  }
}

describe('vectors', () => {
  const spoken = (c: Case) => (c.out?.version ?? smpVersions.min) >= smpVersions.min && !c.quirk
  const below = (c: Case) => c.type === 'clientHello' && c.value.version < smpVersions.min

  it.each(cases.filter((c) => c.op === 'roundtrip' && !below(c)))('$name', ({ type, value, bytes }) => {
    const codec = codecs[type] as Codec<unknown>
    const decoded = decode(codec, hex(bytes))
    expect(neutral(decoded)).toEqual(value)
    expect(toHex(encode(codec, decoded))).toBe(bytes)
  })

  it.each(cases.filter((c) => c.op === 'client-handshake' && spoken(c) && c.error !== 'EOF'))('$name', (c) => {
    if (c.error) return expect(errorOf(() => runClient(c.in))).toBe(c.error)
    const { implySessionId: _, serviceAuth: __, ...out } = c.out as NonNullable<Case['out']>
    expect(runClient(c.in)).toEqual(out)
  })

  it.each(cases.filter((c) => c.op === 'client-handshake' && c.error === 'EOF'))('$name', (c) => {
    expect(clientHandshake(clientInput(c.in)).acceptService).not.toBeNull()
  })

  it.each(cases.filter((c) => c.op === 'server-handshake' && spoken(c)))('$name', (c) => {
    const server = serverHandshake(serverInput(c.in))
    const sent = [toHex(server.serverHello)]
    const accepting = () => {
      const result = server.accept(hex(c.in.clientHello))
      if (result.serviceResponse) sent.push(toHex(result.serviceResponse))
      if (result.error) throw result.error
      return result
    }
    if (c.error) {
      expect(errorOf(accepting)).toBe(c.error)
    } else {
      const { session, versionRange, blockEncryption } = accepting()
      const { service } = session
      const { implySessionId: _, serviceAuth: __, ...out } = c.out as NonNullable<Case['out']>
      expect({
        version: session.version,
        versionRange,
        blockEncryption,
        sessionSecretRaw: toText(session.sessionSecret),
        service: service && neutral({ role: service.role, certHash: service.certHash, sessionKey: service.sessionKey }),
      }).toEqual(out)
    }
    expect(sent).toEqual(c.sent)
  })
})

describe('hellos', () => {
  const complete = cases.filter((c) => c.op === 'roundtrip' && (c.type !== 'clientHello' || c.value.version >= 16))

  it.each(complete.filter((c) => c.type !== 'serverHello'))('no proper prefix of $id decodes', ({ type, bytes }) => {
    const whole = hex(bytes)
    const isText = type === 'serviceResponse' && whole[0] === 'E'.charCodeAt(0)
    for (let length = 0; length < whole.length && !isText; length++) {
      expect(() => decode(codecs[type] as Codec<unknown>, whole.subarray(0, length))).toThrow(DecodeError)
    }
  })

  it('a server hello cut inside its key has no key, cut before it does not decode', () => {
    const whole = hex(named('smp-handshake server-hello-6-18').bytes)
    for (let length = 0; length < whole.length; length++) {
      const read = () => serverHello.read(new Reader(whole.subarray(0, length)))
      if (length < 4 + 33) expect(read).toThrow(DecodeError)
      else expect(read().certChain).toBeNull()
    }
  })

  it('a certificate that is no DER makes the key of a server absent, and the hello of a client malformed', () => {
    const hello = decode(serverHello, hex(named('smp-handshake server-hello-6-18').bytes))
    const certChain = [new TextEncoder().encode('abc')]
    const bytes = encode(serverHello, { ...hello, certChain, signedKey: hello.signedKey as Uint8Array })
    expect(serverHello.read(new Reader(bytes))).toMatchObject({ certChain: null, signedKey: null })

    const client = decode(clientHello, hex(named('smp-handshake client-hello-svc-m-v18').bytes))
    const service = client.service && { ...client.service, certChain }
    expect(() => decode(clientHello, encode(clientHello, { ...client, service }))).toThrow(DecodeError)
  })

  it.each(Object.entries(codecs))('%s: random and mutated bytes give DecodeError or a value', (name, codec) => {
    const samples = cases.filter((c) => c.type === name).map((c) => hex(c.bytes))
    const mutated = fc
      .tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
      .map(([sample, changes, length]) => {
        const bytes = sample.slice(0, 1 + (length % sample.length))
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        try {
          codec.read(new Reader(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('both ends', () => {
  const { in: example } = named('smp-handshake-v19 srv-svc-m-v20')
  const { in: clientExample } = named('smp-handshake-v19 cli-svc-m-v20')
  const server = { ...serverInput(example), tlsClientChain: chain(clientExample.service?.certChain ?? []) }
  const client = (overrides: Partial<ClientHandshakeInput> = {}, from: Partial<ServerHandshakeInput> = {}) =>
    clientHandshake({
      ...clientInput(clientExample),
      sessionId: server.sessionId,
      keyHash: server.keyHash,
      tlsPeerChain: server.certChain,
      serverHello: serverHandshake({ ...server, ...from }).serverHello,
      ...overrides,
    })

  it('agree on version, secret and service', () => {
    const ours = client({ sessionPrivateKey: PrivateKey.generate('x25519') })
    const theirs = serverHandshake(server).accept(ours.clientHello)
    if (theirs.error) throw theirs.error
    expect(theirs.session.version).toBe(ours.version)
    expect(theirs.session.sessionSecret).toEqual(ours.sessionSecret)
    const service = ours.acceptService?.(theirs.serviceResponse as Uint8Array)
    expect(service?.serviceId).toEqual(theirs.session.service?.serviceId)
    expect(service?.certHash).toEqual(theirs.session.service?.certHash)
    expect(service?.sessionKey.publicKey.equals(theirs.session.service?.sessionKey as PublicKey)).toBe(true)
  })

  it('a service that the server does not know in this role gets BAD_SERVICE on both ends, which a client may try again', () => {
    const ours = client()
    const theirs = serverHandshake({ ...server, serviceId: () => null }).accept(ours.clientHello)
    expect(theirs.error).toMatchObject({ code: 'BAD_SERVICE', temporary: false })
    expect(() => ours.acceptService?.(theirs.serviceResponse as Uint8Array)).toThrow(
      expect.objectContaining({ code: 'BAD_SERVICE', temporary: true }),
    )
  })

  it('the versions of both ends stand in the message where there is no common one', () => {
    expect(() => client({}, { versionRange: { min: 6, max: 8 } })).toThrow(/we speak 6-20, the server 6-8/)
    expect(() => client({ versionRange: { min: 14, max: 20 } }, { alpn: false })).toThrow(
      /we speak 14-20, the server 6/,
    )
  })

  it('a session key of low order is refused by the server', () => {
    const hello = decode(clientHello, client({ service: null }).clientHello)
    const lowOrder = encode(clientHello, { ...hello, sessionKey: zeroKey() })
    expect(() => serverHandshake(server).accept(lowOrder)).toThrow(expect.objectContaining({ code: 'BAD_AUTH' }))
  })

  it('a session key of low order is refused by the client', () => {
    const hello = decode(serverHello, serverHandshake(server).serverHello)
    const signedKey = signKey(server.leafPrivateKey, zeroKey())
    const lowOrder = encode(serverHello, { ...hello, certChain: server.certChain, signedKey })
    expect(() => client({ serverHello: lowOrder })).toThrow(expect.objectContaining({ code: 'BAD_AUTH' }))
  })
})

/** The point of order one: every secret with it is zero. */
function zeroKey(): PublicKey<'x25519'> {
  return PublicKey.fromRaw('x25519', new Uint8Array(32))
}
