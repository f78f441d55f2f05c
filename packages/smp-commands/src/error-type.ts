// Spec 04 §9, 06 §6: what a server answers when it refuses.
import { type Codec, EncodeError, mapped, record, shortBytes, type Value } from '@smpkit/encoding'
import { afterSpace, alone, fromText, inner, textToEnd, toText, words } from './words.js'

const handshakeFault = words({ PARSE: alone, IDENTITY: alone, BAD_AUTH: alone, BAD_SERVICE: alone })

/** What a party could not do with a connection. */
export const transportError = words({
  BLOCK: alone,
  VERSION: alone,
  LARGE_MSG: alone,
  SESSION: alone,
  NO_AUTH: alone,
  HANDSHAKE: inner(handshakeFault),
})
export type TransportError = Value<typeof transportError>

const commandError = words({
  UNKNOWN: alone,
  SYNTAX: alone,
  PROHIBITED: alone,
  NO_AUTH: alone,
  HAS_AUTH: alone,
  NO_ENTITY: alone,
  /** The old name of `NO_ENTITY`, read only. */
  NO_QUEUE: alone,
})
export type CommandError = Exclude<Value<typeof commandError>, { code: 'NO_QUEUE' }>
const currentCommandError: Codec<CommandError> = mapped(
  commandError,
  (error) => (error.code === 'NO_QUEUE' ? { code: 'NO_ENTITY' } : error),
  (error) => error,
)

const nameError = words({
  NO_RESOLVER: alone,
  NOT_FOUND: alone,
  RESOLVER: afterSpace(record({ text: textToEnd })),
})
export type NameError = Value<typeof nameError>

/** Why a queue is blocked. `ttl` in seconds, `null` for ever; `notice` is absent below version 18. */
export interface BlockedInfo {
  reason: 'spam' | 'content'
  notice: { ttl: number | null } | null
}

const blockedInfo: Codec<BlockedInfo> = {
  write(w, { reason, notice }) {
    w.utf8(`reason=${reason}`)
    if (notice) w.utf8(`,notice=${JSON.stringify(notice.ttl === null ? {} : { ttl: notice.ttl })}`)
  },
  read(r) {
    const at = r.position
    const match = /^reason=(spam|content)(?:,notice=(.*))?$/s.exec(textToEnd.read(r))
    if (!match) throw r.invalid('expected reason=spam or reason=content', at)
    const notice = match[2] === undefined ? null : parseNotice(match[2])
    if (notice === undefined) throw r.invalid('expected a notice {"ttl":seconds}', at)
    return { reason: match[1] as BlockedInfo['reason'], notice }
  },
}

function parseNotice(json: string): BlockedInfo['notice'] | undefined {
  try {
    const notice: unknown = JSON.parse(json)
    if (typeof notice !== 'object' || notice === null || Array.isArray(notice)) return undefined
    const ttl = 'ttl' in notice ? notice.ttl : null
    return ttl === null || (typeof ttl === 'number' && Number.isSafeInteger(ttl)) ? { ttl } : undefined
  } catch {
    return undefined
  }
}

/**
 * A diagnostic string. On the wire it has one length byte and one byte for each character; ours are cut to fit. Whoever
 * shows it must treat it as a peer's text.
 */
const wireDiagnostic: Codec<string> = mapped(
  shortBytes,
  (bytes) => String.fromCharCode(...bytes),
  (text) => Uint8Array.from(text.slice(0, 255), (character) => character.charCodeAt(0) & 0xff),
)

/** Errors nest, as a proxy passes on what the relay answered; a peer must not make us recurse for a whole block. */
const maxNesting = 8
const tooDeep: Codec<{ inner: ErrorType }> = {
  write() {
    throw new EncodeError('RANGE', `expected at most ${maxNesting} nested errors`)
  },
  read(r) {
    throw r.invalid(`expected at most ${maxNesting} nested errors`)
  },
}

/** The same errors with their diagnostic strings written by `diagnostic`. */
function errorTypes(
  diagnostic: Codec<string>,
  network: 'word only' | 'in full',
  nesting = maxNesting,
): Codec<ErrorType> {
  const text = afterSpace(record({ text: diagnostic }))
  const networkError = words({
    CONNECT: text,
    TLS: text,
    UNKNOWNCA: alone,
    FAILED: alone,
    TIMEOUT: alone,
    SUBSCRIBE: text,
  })
  type NetworkError = Value<typeof networkError>
  /** Absent reads as `FAILED`; servers write the word `NETWORK` alone. */
  const optionalNetworkError: Codec<{ inner: NetworkError }> = {
    write(w, v) {
      if (network === 'in full' && v.inner.code !== 'FAILED') inner(networkError).write(w, v)
    },
    read: (r) => (r.remaining > 0 ? inner(networkError).read(r) : { inner: { code: 'FAILED' } }),
  }
  const brokerError = words({
    RESPONSE: text,
    UNEXPECTED: text,
    NETWORK: optionalNetworkError,
    HOST: alone,
    NO_SERVICE: alone,
    TRANSPORT: inner(transportError),
    TIMEOUT: alone,
  })
  type BrokerError = Value<typeof brokerError>
  const nested: Codec<{ inner: ErrorType }> =
    nesting > 0 ? inner(errorTypes(diagnostic, network, nesting - 1)) : tooDeep
  const proxyError = words({
    PROTOCOL: nested,
    BROKER: inner(brokerError),
    BASIC_AUTH: alone,
    NO_SESSION: alone,
  }) as Codec<ProxyError<BrokerError>>
  return words({
    BLOCK: alone,
    SESSION: alone,
    CMD: inner(currentCommandError),
    PROXY: inner(proxyError),
    AUTH: alone,
    BLOCKED: afterSpace(blockedInfo),
    SERVICE: alone,
    CRYPTO: alone,
    QUOTA: alone,
    STORE: afterSpace(record({ text: textToEnd })),
    EXPIRED: alone,
    NO_MSG: alone,
    LARGE_MSG: alone,
    INTERNAL: alone,
    /** Never sent, but encodable. */
    DUPLICATE_: alone,
    NAME: inner(nameError),
  }) as Codec<ErrorType>
}

export type NetworkError =
  | { code: 'CONNECT' | 'TLS' | 'SUBSCRIBE'; text: string }
  | { code: 'UNKNOWNCA' | 'FAILED' | 'TIMEOUT' }

export type BrokerError =
  | { code: 'RESPONSE' | 'UNEXPECTED'; text: string }
  | { code: 'NETWORK'; inner: NetworkError }
  | { code: 'TRANSPORT'; inner: TransportError }
  | { code: 'HOST' | 'NO_SERVICE' | 'TIMEOUT' }

/** Errors of proxied sending (04 §8). */
export type ProxyError<B = BrokerError> =
  | { code: 'PROTOCOL'; inner: ErrorType }
  | { code: 'BROKER'; inner: B }
  | { code: 'BASIC_AUTH' | 'NO_SESSION' }

/** An error as a server answers it. */
export type ErrorType =
  | { code: 'CMD'; inner: CommandError }
  | { code: 'PROXY'; inner: ProxyError }
  | ({ code: 'BLOCKED' } & BlockedInfo)
  | { code: 'STORE'; text: string }
  | { code: 'NAME'; inner: NameError }
  | {
      code:
        | 'BLOCK'
        | 'SESSION'
        | 'AUTH'
        | 'SERVICE'
        | 'CRYPTO'
        | 'QUOTA'
        | 'EXPIRED'
        | 'NO_MSG'
        | 'LARGE_MSG'
        | 'INTERNAL'
        | 'DUPLICATE_'
    }

/** Errors as `ERR` carries them. */
export const errorType: Codec<ErrorType> = errorTypes(wireDiagnostic, 'word only')

const textErrorType = errorTypes(textToEnd, 'in full')

/** The text form (04 §9.2), for logs: `PROXY BROKER TRANSPORT HANDSHAKE IDENTITY`. */
export function errorTypeToText(error: ErrorType): string {
  return toText(textErrorType, error)
}

/** @throws DecodeError */
export function errorTypeFromText(text: string): ErrorType {
  return fromText(textErrorType, text)
}

/** The words of an error without a peer's free text: safe for messages and labels. */
export function errorTypeCode(error: ErrorType): string {
  const codes: string[] = []
  for (let e: { code: string; inner?: unknown } | undefined = error; e; e = e.inner as typeof e) codes.push(e.code)
  return codes.join(' ')
}

/** `{ code: 'CMD', inner: { code } }` */
export const cmd = (code: CommandError['code']): ErrorType => ({ code: 'CMD', inner: { code } })
