// Spec 30 §1: reads service messages in both syntaxes, and tells what is none.
import { intersect, versionRangeFromText } from '@smpkit/encoding'
import { type Answer, failure } from './answer.js'
import { parseResource } from './resource.js'

/** The largest body of an agent's message, in bytes: without and with post-quantum keys (11-agent-messages.md). */
export const maxServiceMessage = 15_795
export const maxServiceMessagePq = 13_573

/** Deeper data is refused, so that whoever walks through it need not fear for the stack. */
export const maxDepth = 64

/** Of this protocol. */
export const serviceVersions = { min: 1, max: 1 } as const

export const methods = ['get', 'post', 'put', 'patch', 'delete'] as const
export type Method = (typeof methods)[number]

/** Messages are written in JSON by default; a service answers in the syntax that it was asked in. */
export type Syntax = 'json' | 'text'

export interface ServiceRequest {
  readonly kind: 'request'
  readonly syntax: Syntax
  /** 8 to 32 characters of base64url. `null`: it has none of its own, the agent's message id takes its place. */
  readonly id: string | null
  /** The highest common version: that of the answer. */
  readonly version: number
  /** As it was written: a router answers `not_allowed` to those that it does not know. */
  readonly method: string
  /** The path in normal form, without the query; `/` where there is a `problem` with it. */
  readonly resource: string
  readonly query: Readonly<Record<string, string>>
  /** `undefined`: absent, which is not the same as `null`. */
  readonly data: unknown
  /** What a malformed request is answered, instead of being handled. */
  readonly problem?: Answer
}

export interface ServiceResponse {
  readonly kind: 'response'
  readonly syntax: Syntax
  /** The id of the request; `null` where it has none that can be read: nobody waits for such a response. */
  readonly ref: string | null
  /** Without `resp.` in front. */
  readonly status: string
  readonly data: unknown
  /** Whether what should be the data is no JSON, or too deep. */
  readonly broken: boolean
}

/** `other`: no service message. Hand it on as it came. */
export type Incoming = ServiceRequest | ServiceResponse | { readonly kind: 'other' }

/* The members read here are no names of `Object.prototype`, so that `JSON.parse` gives none that was not there. */

const other: Incoming = { kind: 'other' }
const idPattern = /^[\w-]{8,32}$/
/** A response may repeat the agent's message id, which is shorter. */
const refPattern = /^[\w-]{1,32}$/
const methodWords = new Set<string>(methods)
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const anyBytes = new TextDecoder('utf-8', { ignoreBOM: true })
const space = new Set([0x20, 0x09, 0x0a, 0x0d])

/** Whether a text may be the id of a request. */
export const isRequestId = (text: unknown): text is string => typeof text === 'string' && idPattern.test(text)

/**
 * Reads what came over a channel; never throws. Of several members of one name in an object the last one counts, as in
 * `JSON.parse`. Bytes that are not UTF-8 are `other` in JSON, and bad data in text.
 */
export function readMessage(bytes: Uint8Array): Incoming {
  let at = 0
  while (space.has(bytes[at] ?? 0)) at++
  return bytes[at] === 0x7b ? readJson(bytes) : readText(bytes)
}

type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function readJson(bytes: Uint8Array): Incoming {
  const message = parseJson(() => utf8.decode(bytes))
  if (!isObject(message) || typeof message.event !== 'string' || !message.event.startsWith('s.')) return other
  const word = message.event.slice(2)
  const params = isObject(message.params) ? message.params : {}
  if ('ref' in params) {
    const ref = typeof params.ref === 'string' && refPattern.test(params.ref) ? params.ref : null
    return response('json', ref, word, { data: params.data, broken: false })
  }
  if (!('resource' in params) && !methodWords.has(word)) return other
  return request(bytes, {
    syntax: 'json',
    id: message.msgId ?? null,
    version: message.v ?? '1',
    method: word,
    resource: params.resource,
    data: params.data,
    broken: false,
  })
}

const message = /^(?:(?!s\.)([^ \t\r\n]+)[ \t\r\n]+)?s\.([^ \t\r\n]+)(?:[ \t\r\n]+(.*))?$/s
const resourceThenData = /^([^ \t\r\n]+)(?:[ \t\r\n]+(.*))?$/s

/** Any run of white space separates: people write it. */
function readText(bytes: Uint8Array): Incoming {
  const text = anyBytes.decode(bytes).replace(/^[ \t\r\n]+/, '')
  const [whole, id = null, word = '', rest = ''] = message.exec(text) ?? []
  if (whole === undefined) return other
  if (methodWords.has(word)) {
    const [, resource, dataText = ''] = resourceThenData.exec(rest) ?? []
    return request(bytes, { syntax: 'text', id, version: '1', method: word, resource, ...textData(dataText, bytes) })
  }
  const ref = id !== null && refPattern.test(id) ? id : null
  // A person's words before something like `s.t.`
  if (id !== null && ref === null) return other
  return response('text', ref, word, textData(rest, bytes))
}

interface Data {
  readonly data: unknown
  readonly broken: boolean
}

/** Bytes that are not UTF-8 are refused only here: all before the data is ASCII. */
function textData(text: string, bytes: Uint8Array): Data {
  if (text.trim() === '') return { data: undefined, broken: false }
  const data = parseJson(() => {
    utf8.decode(bytes)
    return text
  })
  return { data, broken: data === undefined }
}

/** `undefined` where it is none. */
function parseJson(text: () => string): unknown {
  try {
    return JSON.parse(text())
  } catch {
    return undefined
  }
}

/** The word of an enveloped response is `resp.` and the status. */
function response(syntax: Syntax, ref: string | null, word: string, { data, broken }: Data): ServiceResponse {
  const status = word.startsWith('resp.') ? word.slice(5) : word
  const isBroken = broken || !isWithin(data, maxDepth)
  return { kind: 'response', syntax, ref, status, data: isBroken ? undefined : data, broken: isBroken }
}

interface RawRequest extends Data {
  readonly syntax: Syntax
  readonly id: unknown
  readonly version: unknown
  readonly method: string
  readonly resource: unknown
}

function request(bytes: Uint8Array, raw: RawRequest): ServiceRequest {
  const { syntax, method } = raw
  const id = isRequestId(raw.id) ? raw.id : null
  const version = commonVersion(raw.version)
  const resource = typeof raw.resource === 'string' ? parseResource(raw.resource) : undefined
  const problem =
    (version === undefined && failure('bad_request', { reason: 'version', supported: '1' })) ||
    (raw.id !== null && id === null && failure('bad_request', { reason: 'id' })) ||
    (bytes.length > maxServiceMessage && failure('too_large', { reason: 'request', max: maxServiceMessage })) ||
    (!resource && failure('bad_request', { reason: 'resource' })) ||
    ((raw.broken || !isWithin(raw.data, maxDepth)) && failure('bad_request', { reason: 'data' })) ||
    undefined
  return {
    kind: 'request',
    syntax,
    id,
    version: version ?? serviceVersions.max,
    method,
    resource: resource?.path ?? '/',
    query: resource?.query ?? {},
    data: problem ? undefined : raw.data,
    ...(problem && { problem }),
  }
}

function commonVersion(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  if (text === '1') return 1
  try {
    return intersect(versionRangeFromText(text), serviceVersions)?.max
  } catch {
    return undefined
  }
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth === 0) return false
  for (const name in value) if (!isWithin((value as Fields)[name], depth - 1)) return false
  return true
}
