// test-vectors/smp/README.md, smp.handshake: spec 03 §3, 06 §2.
import { type Codec, decode, encode } from '@smpkit/encoding'
import { errorTypeCode, has, type ServiceRole, smpVersions } from '@smpkit/smp-commands'
import {
  type ClientService,
  clientHandshake,
  clientHello,
  serverHandshake,
  serverHello,
  serviceResponse,
} from '@smpkit/smp-commands/internal'
import {
  binaryOperations,
  type Fields,
  type Form,
  isObject,
  isTypedError,
  type Json,
  operation,
  RunnerError,
  type Suite,
  type TypedError,
  toJson,
  type VectorCase,
} from './case.js'
import { describe, firstDifference } from './compare.js'
import { ofType } from './encoding.js'
import { privateKeyIn } from './keys.js'
import { fromJson } from './values.js'

/** A hello by its codec. */
function hello<T>(codec: Codec<T>): Form {
  return { encode: (json) => encode(codec, fromJson(json) as T), decode: (bytes) => decode(codec, bytes) }
}

/** `HANDSHAKE BAD_AUTH` as our nested error. */
function nested(words: readonly string[]): Json {
  const [code = '', ...inner] = words
  return inner.length > 0 ? { code, inner: nested(inner) } : { code }
}

const forms: Readonly<Record<string, Form>> = {
  serverHello: hello(serverHello),
  clientHello: hello(clientHello),
  // In the vectors its error is a text.
  serviceResponse: {
    encode: (json) => {
      const value = json as { error: string | null; serviceId: string | null }
      return hello(serviceResponse).encode({ ...value, error: value.error && nested(value.error.split(' ')) })
    },
    decode: (bytes) => {
      const { error, serviceId } = decode(serviceResponse, bytes)
      return { serviceId, error: error && errorTypeCode(error as Parameters<typeof errorTypeCode>[0]) }
    },
  },
}

/** What the vectors record of a session's version; both are so in every session that we can have. */
const properties = (version: Parameters<typeof has>[0]) => ({
  version,
  implySessionId: true,
  serviceAuth: has(version, 'serviceCertificates'),
})

function serviceIn(input: Fields): ClientService | null {
  if (!input.has('service')) return null
  const service = input.fields('service')
  return {
    role: service.text('role') as ServiceRole,
    certChain: service.bytesList('certChain'),
    leafPrivateKey: privateKeyIn(service, 'leafPrivateKey', 'ed25519', 'ed448'),
    sessionPrivateKey: privateKeyIn(service, 'sessionPrivateKey', 'ed25519'),
    certificateSent: service.boolean('certificateSent'),
  }
}

function runClient(input: Fields, sent: Uint8Array[]) {
  const result = clientHandshake({
    sessionId: input.bytes('sessionId'),
    serverHello: input.bytes('serverHello'),
    tlsPeerChain: input.bytesList('tlsPeerChain'),
    keyHash: input.bytes('keyHash'),
    versionRange: fromJson(input.get('versionRange')) as { min: number; max: number },
    proxyServer: input.boolean('proxyServer'),
    sessionPrivateKey: input.has('sessionPrivateKey') ? privateKeyIn(input, 'sessionPrivateKey', 'x25519') : null,
    service: serviceIn(input),
  })
  sent.push(result.clientHello)
  return {
    ...properties(result.version),
    clientHello: result.clientHello,
    blockEncryption: result.blockEncryption,
    serverKey: result.serverKey,
    sessionSecretRaw: result.sessionSecret,
    serviceId: result.acceptService?.(nextBlock(input, 'serviceResponse')).serviceId ?? null,
  }
}

function nextBlock(input: Fields, name: string): Uint8Array {
  if (!input.has(name)) throw new RunnerError('EOF', 'the peer sends nothing more')
  return input.bytes(name)
}

function runServer(input: Fields, sent: Uint8Array[]) {
  const server = serverHandshake({
    alpn: input.boolean('alpn'),
    sessionId: input.bytes('sessionId'),
    certChain: input.bytesList('certChain'),
    leafPrivateKey: privateKeyIn(input, 'leafPrivateKey', 'ed25519', 'ed448'),
    sessionPrivateKey: privateKeyIn(input, 'sessionPrivateKey', 'x25519'),
    keyHash: input.bytes('keyHash'),
    versionRange: fromJson(input.get('versionRange')) as { min: number; max: number },
    tlsClientChain: input.bytesList('tlsClientChain'),
    serviceId: () => input.bytes('serviceId'),
  })
  sent.push(server.serverHello)
  const result = server.accept(nextBlock(input, 'clientHello'))
  if (result.serviceResponse) sent.push(result.serviceResponse)
  if (result.error) throw result.error
  const { session, versionRange, blockEncryption } = result
  const { service } = session
  return {
    ...properties(session.version),
    versionRange,
    blockEncryption,
    sessionSecretRaw: session.sessionSecret,
    service: service && { role: service.role, certHash: service.certHash, sessionKey: service.sessionKey },
  }
}

/** Runs one end; where the case says what was sent, also if it failed, that must be it. */
function end(run: (input: Fields, sent: Uint8Array[]) => unknown) {
  return operation((input, vector) => {
    const sent: Uint8Array[] = []
    try {
      const out = run(input, sent)
      checkSent(vector, sent)
      return out
    } catch (error) {
      if (isTypedError(error)) checkSent(vector, sent)
      throw error
    }
  })
}

function checkSent({ sent, quirk }: VectorCase, actual: Uint8Array[]): void {
  const difference = sent && !quirk && firstDifference(sent, toJson(actual), 'sent')
  if (difference) throw new Error(describe(difference))
}

export const handshakeSuite: Suite = {
  ops: {
    ...binaryOperations(({ type }) => ofType(forms, type)),
    'client-handshake': end(runClient),
    'server-handshake': end(runServer),
  },
  errorName: ({ code }: TypedError) => (['SESSION', 'VERSION', 'EOF'].includes(code) ? code : `HANDSHAKE ${code}`),
  // The version of a client's hello, or the negotiated one. A server's hello has a range: its layout is ours, too.
  isBelowV14: ({ value, out }) =>
    [value, out].some((json) => isObject(json) && Number(json.version ?? smpVersions.min) < smpVersions.min),
}
