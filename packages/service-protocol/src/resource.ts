// Spec 30 §1: resources, absolute paths with an optional query, and the patterns that they match.

/** Of a resource after decoding, with its query. */
export const maxResource = 512

export interface Resource {
  /** In normal form: with its leading `/`, and percent-encoded only where it must be. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
}

const allowed = /^(?:[\w.~/-]|%[\dA-Fa-f]{2})*(?:\?(?:[\w.~/?:@!$&'()*+,;=-]|%[\dA-Fa-f]{2})*)?$/
const plain = /^\/[\w~/-]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const control = /[\u0000-\u001f\u007f]/
const noQuery: Readonly<Record<string, string>> = Object.freeze({})

/** `undefined` where it is none: another character, a bad percent-encoding, dot segments, a name twice in the query, too long. */
export function parseResource(text: string): Resource | undefined {
  if (plain.test(text)) return text.length <= maxResource ? { path: text, query: noQuery } : undefined
  if (!allowed.test(text)) return undefined
  const mark = text.indexOf('?')
  const rawPath = mark < 0 ? text : text.slice(0, mark)
  const segments = (rawPath.startsWith('/') ? rawPath.slice(1) : rawPath).split('/').map(decodePart)
  const pairs = mark < 0 ? [] : splitQuery(text.slice(mark + 1))
  if (!areWhole(segments) || !areWhole(pairs.flat()) || segments.some((part) => part === '.' || part === '..'))
    return undefined
  const names = new Set(pairs.map(([name]) => name))
  const decoded = [`/${segments.join('/')}`, ...pairs.map(([name, value]) => `${name}=${value}`)]
  const size = utf8Length(decoded.join('?'))
  if (names.size < pairs.length || size > maxResource) return undefined
  return { path: formatPath(segments), query: Object.fromEntries(pairs) }
}

function splitQuery(query: string): [string | undefined, string | undefined][] {
  const pairs = query.split('&').filter((pair) => pair !== '')
  return pairs.map((pair) => {
    const [name = '', ...rest] = pair.replaceAll('+', ' ').split('=')
    return [decodePart(name), decodePart(rest.join('='))]
  })
}

/** `undefined` where the bytes are not UTF-8, or hold control characters, which no resource needs and stores choke on. */
function decodePart(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text)
    return control.test(decoded) ? undefined : decoded
  } catch {
    return undefined
  }
}

const areWhole = (parts: readonly (string | undefined)[]): parts is string[] => !parts.includes(undefined)

const utf8Length = (text: string) => new TextEncoder().encode(text).length

/** Percent-encodes all but the unreserved characters. @throws URIError for a lone surrogate */
function encodePart(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

export const formatPath = (segments: readonly string[]): string => `/${segments.map(encodePart).join('/')}`

/** `''` without names, otherwise with its `?`. @throws URIError for a lone surrogate */
export function formatQuery(query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${encodePart(name)}=${encodePart(value)}`)
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

/** The names after `:` in a pattern like `/ntf/tokens/:id`. */
export type ParamNames<Pattern extends string> = Pattern extends `${infer First}/${infer Rest}`
  ? ParamNames<First> | ParamNames<Rest>
  : Pattern extends `:${infer Name}`
    ? Name
    : never

export type Params<Pattern extends string> = { readonly [Name in ParamNames<Pattern>]: string }

/**
 * The decoded parameters of a path in normal form, as an answer's `resource` is one; `undefined` where the pattern does not
 * match. A parameter is never empty.
 */
export function matchResource<Pattern extends string>(pattern: Pattern, path: string): Params<Pattern> | undefined {
  const [wanted, got] = [pattern.split('/'), path.split('/')]
  if (wanted.length !== got.length) return undefined
  const params: [string, string][] = []
  for (const [i, part] of wanted.entries()) {
    const raw = got[i] ?? ''
    if (!part.startsWith(':')) {
      if (part !== raw) return undefined
      continue
    }
    const value = decodePart(raw)
    if (!value) return undefined
    params.push([part.slice(1), value])
  }
  return Object.fromEntries(params) as Params<Pattern>
}

/** The resource that a pattern names with these parameters. @throws URIError for a lone surrogate */
export function fillResource<Pattern extends string>(pattern: Pattern, params: Params<Pattern>): string {
  const values: Readonly<Record<string, string>> = params
  const segments = pattern.slice(1).split('/')
  return formatPath(segments.map((part) => (part.startsWith(':') ? (values[part.slice(1)] ?? '') : part)))
}
