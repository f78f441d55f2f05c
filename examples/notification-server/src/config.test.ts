import fs from 'node:fs'
import { defaultLimits } from '@smpkit/notification-server'
import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from './config.js'
import { keysOf, sectionNames, variableOf } from './config-keys.js'
import { limitsOf } from './config-limits.js'
import { configFile, configPage } from './config-template.js'
import { createMetrics } from './metrics.js'

const server = `smp://${'A'.repeat(43)}=:pass@smp.example.org`
const least = `[smp]\nservers = ["${server}"]\n`

function problemsOf(toml: string, environment: Record<string, string> = {}): readonly string[] {
  try {
    readConfig(toml, '/data', environment)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).problems
  }
  return []
}

describe('the config', () => {
  it('has defaults for all but where clients come in, with paths in its folder', () => {
    const config = readConfig(least, '/data')
    expect(config.server.name).toBe('notifications')
    expect(config.database.file).toBe('/data/notifications.db')
    expect(config.limits.verified_expiry).toBe(90 * 86_400_000)
    expect(config['providers.apns.prod']).toEqual({
      enabled: false,
      host: 'api.push.apple.com',
      port: 443,
      ca_file: undefined,
    })
    expect(config.metrics.listen).toBeUndefined()
    expect(config.ntf).toMatchObject({ listen: undefined, certificate_file: '/data/ntf-server.crt' })
    expect(readConfig('[ntf]\nlisten = "[::]:443"', '/data').ntf.listen).toEqual({ host: '::', port: 443 })
    expect(problemsOf('')).toEqual(['smpkit-ntf.toml: smp.servers: expected at least one SMP server, or ntf.listen'])
  })

  it('reads every kind of value from the file and from the environment alike', () => {
    const toml = `${least}socks = "[::1]:9050"\nallow = ["10.0.0.0/8", "::1/128"]
[limits]
tokens = 7
auth_retries = ["1s", "2 m"]
[metrics]
listen = "127.0.0.1:9464"
[providers.console]
enabled = true
[log]
level = "debug"
[database]
key_file = "keys/db"`
    const environment = {
      SMPKIT_NTF_SMP__SERVERS: `${server}, ${server}`,
      SMPKIT_NTF_SMP__SOCKS: '[::1]:9050',
      SMPKIT_NTF_SMP__ALLOW: '["10.0.0.0/8", "::1/128"]',
      SMPKIT_NTF_LIMITS__TOKENS: '7',
      SMPKIT_NTF_LIMITS__AUTH_RETRIES: '1s,2 m',
      SMPKIT_NTF_METRICS__LISTEN: '127.0.0.1:9464',
      SMPKIT_NTF_PROVIDERS__CONSOLE__ENABLED: 'true',
      SMPKIT_NTF_LOG__LEVEL: 'debug',
      SMPKIT_NTF_DATABASE__KEY_FILE: 'keys/db',
    }
    const fromFile = readConfig(toml, '/data')
    const fromEnvironment = readConfig('', '/data', environment)
    expect(fromFile.smp).toMatchObject({ socks: { host: '::1', port: 9050 }, allow: ['10.0.0.0/8', '::1/128'] })
    expect(fromFile.limits).toMatchObject({ tokens: 7, auth_retries: [1000, 120_000] })
    expect(fromFile.database.key_file).toBe('/data/keys/db')
    expect(fromEnvironment.smp.servers).toHaveLength(2)
    expect({ ...fromEnvironment, smp: { ...fromEnvironment.smp, servers: [server] } }).toEqual(fromFile)
    expect(readConfig(toml, '/data', { SMPKIT_NTF_LIMITS__TOKENS: '9' }).limits.tokens).toBe(9)
  })

  it.each([
    ['[limits]\ntokens = "many"', 2, 'limits.tokens: expected an integer, at least 1, got "many"'],
    ['[limits]\n\ntokens = 0', 3, 'limits.tokens: expected an integer, at least 1, got 0'],
    ['[limits]\ncheck_interval = "20"', 2, 'limits.check_interval: expected a time such as'],
    ['[limits]\ncheck_interval = "0s"', 2, 'limits.check_interval: expected a time such as'],
    ['limits.check_spread = 3', 1, 'limits.check_spread: expected a time such as'],
    ['[smp]\n# servers = 1\nservers = [\n  "smp://x"\n]', 3, 'smp.servers: expected a list of addresses'],
    ['[smp]\nallow = ["10.0.0.0/33"]', 2, 'smp.allow: expected a list of address ranges'],
    ['[providers.apns]\n\nteam_id = "abc"', 3, 'providers.apns.team_id: expected 10 capital letters and digits'],
    ['[providers.apns]\nprod = { port = 70000 }', 2, 'providers.apns.prod.port: expected an integer from 1 to 65535'],
    ['[log]\nlevel = "loud"', 2, 'log.level: expected "debug", "info", "warn", "error", "silent", got "loud"'],
    ['[metrics]\nlisten = "9464"', 2, 'metrics.listen: expected HOST:PORT'],
    ['[metrics]\nlisten = 2020-01-01', 2, 'metrics.listen: expected HOST:PORT, got a date'],
    ['[metrics]\nlsten = "x:1"', 2, 'metrics.lsten: there is no such key; did you mean metrics.listen?'],
    ['[metrik]\nlisten = "x:1"', 1, 'metrik: there is no such key; did you mean metrics?'],
    ['[providers.fmc]\nenabled = true', 1, 'providers.fmc: there is no such key; did you mean providers.fcm?'],
    ['[ntf]\nlisten = ":443"', 2, 'ntf.listen: expected HOST:PORT'],
    ['[ntf]\nhost = "ntf://x@y"', 2, 'ntf.host: expected <host>'],
    ['limits = 3', 1, 'limits: expected a table, [limits]'],
    ['providers = 3', 1, 'providers: expected a table, [providers]'],
    ['[database]\nstand_by = true', 1, 'database.url: expected a value, because database.stand_by'],
    ['[providers.fcm]\nenabled = true', 1, 'providers.fcm.service_account_file: expected a value'],
  ])('refuses %j at its line', (toml, line, message) => {
    const text = toml.startsWith('[smp]') || !toml.startsWith('[') ? toml : `${toml}\n${least}`
    expect(problemsOf(text).find((problem) => problem.includes(message))).toMatch(`smpkit-ntf.toml:${line}: ${message}`)
  })

  it('tells all mistakes at once, and what an enabled provider needs', () => {
    expect(problemsOf(`${least}[limits]\ntokens = 0\nsubscriptions = -1`)).toHaveLength(2)
    const apns = ['topic', 'team_id', 'key_id', 'key_file'].map(
      (key) => `smpkit-ntf.toml:3: providers.apns.${key}: expected a value, because providers.apns.prod is enabled`,
    )
    expect(problemsOf(`${least}[providers.apns.prod]\nenabled = true`)).toEqual(apns)
  })

  it('names a wrong variable', () => {
    expect(problemsOf(least, { SMPKIT_NTF_LIMITS__TOKENS: 'x' })).toEqual([
      'SMPKIT_NTF_LIMITS__TOKENS: expected an integer, at least 1, got "x"',
    ])
    expect(problemsOf(least, { SMPKIT_NTF_LIMITS__TOKEN: '1', SMPKIT_NTF_DATA: 'x' })).toEqual([
      'SMPKIT_NTF_LIMITS__TOKEN: there is no such key; did you mean SMPKIT_NTF_LIMITS__TOKENS?',
    ])
  })

  it('never shows a password, whatever is wrong with what has it', () => {
    const texts = [
      ['[database]\nurl = "mysql://u:hunter2@host/db"', {}],
      ['[smp]\nservers = ["smp://x:hunter2@host"]', {}],
      ['[smp]\nservers = "hunter2"', {}],
      ['[smp]\nservers = ["smp://x:hunter2@host', {}],
      ['', { SMPKIT_NTF_SMP__SERVERS: 'smp://x:hunter2@host' }],
      ['', { SMPKIT_NTF_DATABASE__URL: 'hunter2' }],
    ] as const
    for (const [toml, environment] of texts) {
      const problems = problemsOf(toml, environment)
      expect(problems.length).toBeGreaterThan(0)
      expect(problems.join('\n')).not.toContain('hunter2')
    }
  })

  it('says where a file is no TOML', () => {
    expect(problemsOf('[smp]\nservers = [')).toEqual([expect.stringMatching(/^smpkit-ntf\.toml:2:\d+: [^\n]+$/)])
  })

  it('has every limit of the library, and no other', () => {
    expect(limitsOf(readConfig(least, '/data').limits)).toEqual(defaultLimits)
  })
})

describe('the file that init writes', () => {
  it('shows every key, is read as the defaults, and again as what was given', () => {
    const file = configFile()
    for (const section of sectionNames) {
      expect(file).toContain(`[${section}]`)
      for (const name of Object.keys(keysOf(section))) expect(file).toMatch(new RegExp(`^# ${name} = `, 'm'))
    }
    const given = { smp: { servers: [server] }, limits: { tokens: 3 } }
    expect(readConfig(configFile(given), '/data')).toEqual(readConfig(`${least}[limits]\ntokens = 3`, '/data'))
  })

  it('stays right when a comment is taken away', () => {
    // `socks_for` and `stand_by` ask for others; the example of `url` is one.
    const all = configFile({ smp: { servers: [server] } }).replace(/^# (\w+ = )/gm, '$1')
    expect(problemsOf(all)).toEqual([])
  })
})

describe('the page of the documentation', () => {
  it('is that of the table of keys', async () => {
    await expect(configPage()).toMatchFileSnapshot('../../../docs/notification-server-config.md')
  })

  it('has all metrics, as has the dashboard', async () => {
    const { text } = await createMetrics({ ownDomains: [], version: '1', server: () => undefined }).text()
    const names = [...text.matchAll(/^# TYPE (simplex_\w+)/gm)].map(([, name = '']) => name)
    expect(names.length).toBeGreaterThan(5)
    for (const file of ['operate.md', 'grafana-dashboard.json']) {
      const page = fs.readFileSync(new URL(`../../../docs/${file}`, import.meta.url), 'utf8')
      for (const name of names) expect(page).toContain(name)
      for (const [name] of page.matchAll(/simplex_ntf_\w+/g)) expect(names).toContain(name.replace(/_bucket$/, ''))
    }
  })

  it('names a key of three levels by its variable', () => {
    expect(variableOf('providers.apns.prod', 'host')).toBe('SMPKIT_NTF_PROVIDERS__APNS__PROD__HOST')
  })
})
