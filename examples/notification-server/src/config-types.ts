// What the value of a key in the config may be: how it is written in TOML, and how in an environment variable.
import path from 'node:path'
import { parseServerAddress } from '@smpkit/smp-commands/address'

/** Values of TOML that we use. */
export type Toml = string | number | boolean | readonly string[]

export interface Type<T> {
  /** What a message says after "expected". */
  readonly expected: string
  /** `undefined` if the value is something else. `folder`: where the config stands. */
  read(value: unknown, folder: string): T | undefined
  /** The value of TOML that the text of an environment variable stands for. */
  fromText(text: string): Toml
  /** What a file would say, for a default. */
  toToml(value: T): Toml
}

const asIs = <T extends Toml>(value: T): Toml => value
const sameText = (text: string): Toml => text

const textType = (expected: string, accept: (text: string) => boolean): Type<string> => ({
  expected,
  read: (value) => (typeof value === 'string' && accept(value) ? value : undefined),
  fromText: sameText,
  toToml: asIs,
})

export const text = (expected = 'a text'): Type<string> => textType(expected, (value) => value !== '')

export const matching = (pattern: RegExp, expected: string): Type<string> =>
  textType(expected, (value) => pattern.test(value))

export const oneOf = <const T extends string>(...values: readonly T[]): Type<T> =>
  textType(values.map((value) => `"${value}"`).join(', '), (value) =>
    (values as readonly string[]).includes(value),
  ) as Type<T>

/** Relative to the folder of the config. */
export const file: Type<string> = {
  expected: 'the path of a file',
  read: (value, folder) => (typeof value === 'string' && value !== '' ? path.resolve(folder, value) : undefined),
  fromText: sameText,
  toToml: asIs,
}

export const flag: Type<boolean> = {
  expected: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
  fromText: (value) => (value === 'true' ? true : value === 'false' ? false : value),
  toToml: asIs,
}

export const integer = (min: number, max = Number.MAX_SAFE_INTEGER): Type<number> => ({
  expected: max === Number.MAX_SAFE_INTEGER ? `an integer, at least ${min}` : `an integer from ${min} to ${max}`,
  read: (value) =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined,
  fromText: (value) => (/^-?\d{1,15}$/.test(value) ? Number(value) : value),
  toToml: asIs,
})

export const port = integer(1, 65_535)

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

function readDuration(value: unknown): number | undefined {
  const [, digits, unit] = typeof value === 'string' ? (/^(\d{1,9}) ?(ms|s|m|h|d)$/.exec(value) ?? []) : []
  return digits === undefined ? undefined : Number(digits) * units[unit as keyof typeof units]
}

function durationText(milliseconds: number): string {
  const [unit, size] =
    Object.entries(units)
      .reverse()
      .find(([, size]) => milliseconds % size === 0) ?? (['ms', 1] as const)
  return `${milliseconds / size}${unit}`
}

/** Milliseconds, more than none. */
export const duration: Type<number> = {
  expected: 'a time such as "30s", "20m", "24h" or "7d"',
  read: (value) => readDuration(value) || undefined,
  fromText: sameText,
  toToml: durationText,
}

/** An environment variable has them with commas in between. */
export function list<T>(item: Type<T>, items: string): Type<readonly T[]> {
  return {
    expected: `a list of ${items}`,
    read(value, folder) {
      if (!Array.isArray(value)) return undefined
      const read = value.map((one) => item.read(one, folder))
      return read.includes(undefined) ? undefined : (read as T[])
    },
    // With commas, or as it stands in the file.
    fromText: (value) =>
      value
        .replace(/^\s*\[([\s\S]*)\]\s*$/, '$1')
        .split(',')
        .map((one) => one.trim().replace(/^(["'])(.*)\1$/, '$2'))
        .filter((one) => one !== ''),
    toToml: (values) => values.map((value) => String(item.toToml(value))),
  }
}

export const smpServer = textType('smp://<fingerprint>[:<password>]@<host>[:<port>]', (value) => {
  try {
    parseServerAddress(value, 'smp')
    return true
  } catch {
    return false
  }
})

/** As they stand in an address after the `@`. */
export const addressHosts = textType('<host>[,<host>][:<port>]', (value) => {
  try {
    const address = parseServerAddress(`ntf://AAAA@${value}`)
    return address.port === '' || port.read(Number(address.port), '') !== undefined
  } catch {
    return false
  }
})

export interface HostPort {
  readonly host: string
  readonly port: number
}

export const hostPort: Type<HostPort> = {
  expected: 'HOST:PORT',
  read(value) {
    const [, v6, name, digits] =
      typeof value === 'string' ? (/^(?:\[([\da-fA-F:.]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/.exec(value) ?? []) : []
    const host = v6 ?? name
    const read = port.read(Number(digits), '')
    return host === undefined || read === undefined ? undefined : { host, port: read }
  },
  fromText: sameText,
  toToml: ({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`),
}
