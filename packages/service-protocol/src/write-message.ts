// Spec 30 §1: writes service messages in both syntaxes, and what of a request makes two of them the same.
import { toBase64urlUnpadded } from '@smpkit/encoding'
import { type Answer, failure } from './answer.js'
import { ServiceClientError } from './errors.js'
import { isRequestId, maxServiceMessage, type ServiceRequest, type Syntax, serviceVersions } from './read-message.js'
import { formatQuery, parseResource } from './resource.js'

const utf8 = new TextEncoder()

/** A random id: 16 characters. */
export function newId(): string {
  return toBase64urlUnpadded(crypto.getRandomValues(new Uint8Array(12)))
}

export interface OutgoingRequest {
  /** 8 to 32 characters of base64url. */
  readonly id: string
  readonly method: string
  /** The path, percent-encoded where it must be: `fillResource` makes it. */
  readonly resource: string
  readonly query?: Readonly<Record<string, string>>
  /** Any JSON value; `undefined` is no data. */
  readonly data?: unknown
}

export interface RequestOptions {
  readonly syntax?: Syntax
  /** In bytes. */
  readonly maxLength?: number
}

/** @throws ServiceClientError `TOO_LARGE`, `INVALID` */
export function encodeRequest(
  request: OutgoingRequest,
  { syntax = 'json', maxLength = maxServiceMessage }: RequestOptions = {},
): Uint8Array {
  const { id, method, data } = request
  if (!isRequestId(id)) throw new ServiceClientError('INVALID', 'expected an id of 8 to 32 characters of base64url')
  let text: string
  let resource: string
  try {
    resource = request.resource + formatQuery(request.query ?? {})
    text =
      syntax === 'json'
        ? JSON.stringify({ v: '1', msgId: id, event: `s.${method}`, params: { resource, data } })
        : words(id, `s.${method}`, resource, JSON.stringify(data))
  } catch (cause) {
    // The cause may hold a part of the data.
    const what = cause instanceof URIError ? 'a query of whole characters' : 'data that JSON can hold'
    throw new ServiceClientError('INVALID', `expected ${what}`)
  }
  if (!parseResource(resource)) {
    throw new ServiceClientError('INVALID', 'expected an absolute path of up to 512 bytes without dot segments')
  }
  const bytes = utf8.encode(text)
  if (bytes.length > maxLength) {
    throw new ServiceClientError('TOO_LARGE', `the request has ${bytes.length} bytes, of at most ${maxLength}`)
  }
  return bytes
}

const words = (...parts: (string | null | undefined)[]) => parts.filter((part) => part != null).join(' ')

export interface ResponseOptions {
  /** That of the request. */
  readonly syntax?: Syntax
  /** `separate`: `s.ok`. `enveloped`: `s.resp.ok`. */
  readonly style?: 'separate' | 'enveloped'
  /** That of the request. */
  readonly version?: number
  /** In bytes. */
  readonly maxLength?: number
}

/**
 * The answer to the request of id `ref`, `null` where neither it nor the channel has one. An answer that does not fit becomes
 * `too_large` (30 §2).
 * @throws TypeError where JSON cannot hold the data
 */
export function encodeResponse(
  response: Answer & { readonly ref: string | null },
  options: ResponseOptions = {},
): Uint8Array {
  const { syntax = 'json', style = 'separate', version = serviceVersions.max, maxLength = maxServiceMessage } = options
  const write = ({ status, data }: Answer) => {
    const event = `s.${style === 'enveloped' ? 'resp.' : ''}${status}`
    const text =
      syntax === 'json'
        ? JSON.stringify({ v: `${version}`, event, params: { ref, data } })
        : words(ref, event, JSON.stringify(data))
    return utf8.encode(text)
  }
  const { ref } = response
  const bytes = write(response)
  return bytes.length <= maxLength ? bytes : write(failure('too_large', { reason: 'response', max: maxLength }))
}

/**
 * What makes two requests of one id the same: method, resource, query and data, whatever the syntax, the white space and the
 * order of names. The bytes are for hashing or comparing; nobody reads them.
 */
export function requestContent({ method, resource, query, data }: ServiceRequest): Uint8Array {
  return utf8.encode(JSON.stringify([method, resource, query, ...(data === undefined ? [] : [data])], sorted))
}

/** For `JSON.stringify`: objects with their names in order. */
function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
