// Reads the config: a file of TOML, whose values environment variables override.
import { parse, TomlError } from 'smol-toml'
import type { Key } from './config-key.js'
import { type Config, keysOf, type SectionName, sectionNames, variableOf, variablePrefix } from './config-keys.js'
import { requirementProblems } from './config-requirements.js'
import { suggestion } from './suggestion.js'
import { lineOf } from './toml-lines.js'

export const configName = 'smpkit-ntf.toml'

type Table = Readonly<Record<string, unknown>>
type Environment = Readonly<Record<string, string | undefined>>

/** What is wrong, each as one line: where it is, and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG'
  readonly temporary = false

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'))
  }
}

/** `folder`: that of the file, which relative paths mean. @throws ConfigError */
export function readConfig(toml: string, folder: string, environment: Environment = {}): Config {
  const table = parseToml(toml)
  const problems: string[] = []
  const where = (name: string) => {
    const line = lineOf(toml, name.split('.'))
    return line === undefined ? `${configName}: ${name}` : `${configName}:${line}: ${name}`
  }
  for (const name of unknownKeys(table, sectionNames)) problems.push(`${where(name)}: ${unknown(name, allNames)}`)
  for (const name of unknownVariables(environment)) problems.push(`${name}: ${unknown(name, allVariables)}`)

  function read(section: SectionName, name: string, key: Key<unknown>): unknown {
    const variable = variableOf(section, name)
    const text = environment[variable]
    const given = text === undefined ? tableAt(table, section)?.[name] : key.type.fromText(text)
    if (given === undefined) {
      return key.default === undefined ? undefined : key.type.read(key.type.toToml(key.default), folder)
    }
    const value = key.type.read(given, folder)
    if (value === undefined) {
      const place = text === undefined ? where(`${section}.${name}`) : variable
      problems.push(`${place}: expected ${key.type.expected}, got ${key.secret ? kindOf(given) : shown(given)}`)
    }
    return value
  }

  const config = Object.fromEntries(
    sectionNames.map((section) => {
      const values = Object.entries(keysOf(section)).map(([name, key]) => [name, read(section, name, key)])
      return [section, Object.fromEntries(values)]
    }),
  ) as unknown as Config
  // They are about values that can be read.
  if (problems.length === 0) {
    for (const { name, problem } of requirementProblems(config)) problems.push(`${where(name)}: ${problem}`)
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

function parseToml(toml: string): Table {
  try {
    return parse(toml)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // The lines after the first show the file, which may have passwords.
    const [first = ''] = error.message.split('\n')
    throw new ConfigError([
      `${configName}:${error.line}:${error.column}: ${first.replace(/^Invalid TOML document: /, '')}`,
    ])
  }
}

const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

function tableAt(table: Table, section: string): Table | undefined {
  let at: unknown = table
  for (const name of section.split('.')) at = isTable(at) && Object.hasOwn(at, name) ? at[name] : undefined
  return isTable(at) ? at : undefined
}

const allNames = sectionNames.flatMap((section) => [
  section,
  ...Object.keys(keysOf(section)).map((name) => `${section}.${name}`),
])
const allVariables = sectionNames.flatMap((section) =>
  Object.keys(keysOf(section)).map((name) => variableOf(section, name)),
)

const isPrefix = (name: string, names: readonly string[]) =>
  names.some((one) => one === name || one.startsWith(`${name}.`))

/** Names of keys and tables that mean nothing, with dots; a table that should be one and is not, too. */
function unknownKeys(table: Table, sections: readonly string[], above = ''): string[] {
  return Object.entries(table).flatMap(([name, value]) => {
    const full = `${above}${name}`
    if (allNames.includes(full) && !isPrefix(full, sections)) return []
    if (isPrefix(full, sections) && isTable(value)) return unknownKeys(value, sections, `${full}.`)
    return [full]
  })
}

/** Other programs of ours may have variables without a section. */
const unknownVariables = (environment: Environment) =>
  Object.keys(environment).filter(
    (name) => name.startsWith(variablePrefix) && name.includes('__') && !allVariables.includes(name),
  )

function unknown(name: string, known: readonly string[]): string {
  if (isPrefix(name, sectionNames)) return `expected a table, [${name}]`
  const meant = suggestion(name, known)
  return `there is no such key${meant === undefined ? '' : `; did you mean ${meant}?`}`
}

const kindOf = (value: unknown) =>
  Array.isArray(value)
    ? 'a list'
    : value instanceof Date
      ? 'a date'
      : typeof value === 'object'
        ? 'a table'
        : `a ${typeof value}`

/** Lists and tables may have anything in them. */
function shown(value: unknown): string {
  if (typeof value === 'object') return Array.isArray(value) ? 'something else' : kindOf(value)
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
