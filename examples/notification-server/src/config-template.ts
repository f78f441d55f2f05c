// The config as a file with comments, and as tables for the documentation.
import { stringify } from 'smol-toml'
import type { Key } from './config-key.js'
import { keysOf, type SectionName, sectionNames, sections, variableOf, variablePrefix } from './config-keys.js'
import type { Toml } from './config-types.js'

/** Values that are not the defaults. */
export type Given = Readonly<Partial<Record<SectionName, Readonly<Record<string, Toml>>>>>

const valueText = (value: Toml): string => stringify({ x: value }).trim().slice('x = '.length)

function keyLines(name: string, { doc, type, example, ...key }: Key<unknown>, given: Toml | undefined): string[] {
  if (given !== undefined) return [`# ${doc}`, `${name} = ${valueText(given)}`]
  const value = key.default === undefined ? `"${example}"` : valueText(type.toToml(key.default))
  return [`# ${doc}`, `# ${name} = ${value}`]
}

/** Every key with what it is for; those that are not given are commented out, with their defaults. */
export function configFile(given: Given = {}): string {
  const lines = [
    '# The notification server. What is commented out shows the default, or an example where there is none.',
    `# An environment variable overrides a key: ${variableOf('providers.apns.prod', 'host')} for host in [providers.apns.prod].`,
    '# Relative paths mean the folder of this file.',
  ]
  for (const section of sectionNames) {
    lines.push('', `# ${sections[section].doc}`, `[${section}]`)
    for (const [name, key] of Object.entries(keysOf(section)))
      lines.push(...keyLines(name, key, given[section]?.[name]))
  }
  return `${lines.join('\n')}\n`
}

/** The page of the documentation: one table for each section. */
export function configPage(): string {
  const tables = sectionNames.map((section) => {
    const rows = Object.entries(keysOf(section)).map(([name, { type, doc, ...key }]) => {
      const value = key.default === undefined ? '–' : `\`${valueText(type.toToml(key.default))}\``
      return `| \`${name}\` | ${cell(type.expected)} | ${cell(value)} | ${cell(doc)} |`
    })
    const head = ['| key | value | default | |', '|---|---|---|---|']
    return [`## \`[${section}]\``, '', sections[section].doc, '', ...head, ...rows].join('\n')
  })
  const rule = `An environment variable overrides a key: ${variableRule}; lists have commas.`
  return `# The config of the notification server\n\n${rule}\n\n${tables.join('\n\n')}\n`
}

/** For `--help`, too. */
export const variableRule = `${variablePrefix}<SECTION>__<KEY>, with __ for each dot of a section`

const cell = (text: string) => text.replace(/\|/g, '\\|').replace(/</g, '&lt;')
