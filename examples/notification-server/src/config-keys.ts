// Every key of the config, described once: reading, the file that `init` writes and the tables of the documentation come from here.
import { addressPolicy } from '@smpkit/smp-commands/address'
import { type Key, key, optional, type Section } from './config-key.js'
import { limitKeys } from './config-limits.js'
import {
  addressHosts,
  file,
  flag,
  hostPort,
  integer,
  list,
  matching,
  oneOf,
  port,
  smpServer,
  type Type,
  text,
} from './config-types.js'

const domain = matching(/^[a-z\d]([a-z\d.-]*[a-z\d])?$/, 'a domain in lower case')
const domains = list(domain, 'domains in lower case, such as ["example.org"]')

function isCidr(value: string): boolean {
  try {
    addressPolicy({ allow: [value] })
    return true
  } catch {
    return false
  }
}

const cidr: Type<string> = {
  ...text('an address range'),
  read: (value) => (typeof value === 'string' && isCidr(value) ? value : undefined),
}
const cidrs = list(cidr, 'address ranges, such as ["10.0.0.0/8", "fd00::/8"]')
const postgresUrl = matching(/^postgres(ql)?:\/\/./, 'postgresql://…')
const host = matching(/^[^\s/:@]+$/, 'the name of a host')

const allow = (whom: string) =>
  key(cidrs, [], `Address ranges that are reached although they are not public: every user can name ${whom}.`)
const caFile = optional(file, 'ca.pem', 'PEM with the certificates to trust in place of those that Node knows.')

const apns = (host: string | undefined, what: string, { test = false } = {}) => ({
  doc: `Provider "${what}"${test ? ', a server of your own for tests, which takes any token' : ''}.`,
  keys: {
    enabled: key(flag, false, 'Whether clients can choose it.'),
    host:
      host === undefined ? optional(text(), 'localhost', 'Where it is.') : key<string>(text(), host, 'Where it is.'),
    port: key(port, 443, 'Its port.'),
    ca_file: caFile,
  },
})

export const sections = {
  server: {
    doc: 'What clients see.',
    keys: {
      name: key(
        matching(/^[^#@\s]/, 'a name that does not begin with # or @'),
        'notifications',
        'The name that clients are shown.',
      ),
    },
  },
  smp: {
    doc: 'SMP servers: one of yours, on which clients of the contact address reach this program, and all that clients name.',
    keys: {
      servers: {
        ...key(
          list(smpServer, 'addresses, such as ["smp://<fingerprint>:<password>@smp.example.org"]'),
          [],
          'On which this program makes the queues of its contact address and of its clients; without one it has no contact address.',
        ),
        secret: true,
      },
      socks: optional(hostPort, '127.0.0.1:9050', 'A SOCKS5 proxy, such as Tor; .onion servers need it.'),
      socks_for: key(oneOf('onion', 'all'), 'onion', 'Which servers are reached through it.'),
      allow: allow('SMP servers'),
      service_certificates: key(
        flag,
        true,
        'Subscribe all queues of a server at once, with a certificate made for it; off: one by one.',
      ),
      own_domains: key(domains, [], 'Metrics name SMP servers of these domains, and no others.'),
    },
  },
  ntf: {
    doc: 'The NTF protocol, over which SimpleX apps come: an address ntf://…, and a port that they reach.',
    keys: {
      listen: optional(hostPort, '0.0.0.0:443', 'Where to listen; without it, nowhere.'),
      host: optional(
        addressHosts,
        'ntf.example.org',
        'What follows the @ in the address: the name of this server, more of them after commas, :port if another one leads here. Without it, that of the machine.',
      ),
      certificate_file: key(
        file,
        'ntf-server.crt',
        'The online certificate and the identity that has signed it, in PEM. `init` and `ntf-cert` make them.',
      ),
      key_file: key(file, 'ntf-server.key', 'The key of the online certificate.'),
      connections: key(integer(1), 20_000, 'Connections of clients.'),
      connections_per_address: key(
        integer(1),
        1000,
        'The same from one IP address: mobile networks have many people behind one.',
      ),
    },
  },
  database: {
    doc: 'Two files of SQLite, or one database of PostgreSQL.',
    keys: {
      file: key(file, 'notifications.db', 'SQLite: tokens, subscriptions and the outbox.'),
      agent_file: key(file, 'agent.db', 'SQLite: the connections to clients.'),
      url: optional(postgresUrl, 'postgresql://user:password@host/database', 'PostgreSQL, in place of both files.', {
        secret: true,
      }),
      stand_by: key(flag, false, 'PostgreSQL: wait until no other process uses the database, then take over.'),
      key_file: optional(
        file,
        'database.key',
        'The key that encrypts what is secret in the database. Keep a copy elsewhere: without it all is lost.',
      ),
    },
  },
  limits: {
    doc: 'What clients may do, and when things happen.',
    keys: limitKeys,
  },
  metrics: {
    doc: 'HTTP: /metrics for Prometheus, /healthz and /readyz.',
    keys: { listen: optional(hostPort, '127.0.0.1:9464', 'Where to listen; without it, nowhere.') },
  },
  log: {
    doc: 'One line of JSON for each event, on stderr.',
    keys: { level: key(oneOf('debug', 'info', 'warn', 'error', 'silent'), 'info', 'The least that is written.') },
  },
  'providers.apns': {
    doc: 'Apple: the key of the account. See docs/push-providers.md.',
    keys: {
      topic: optional(text('the bundle id of the app'), 'org.example.app', 'The bundle id of the app.'),
      team_id: optional(matching(/^[A-Z\d]{10}$/, '10 capital letters and digits'), 'A1B2C3D4E5', 'The team.'),
      key_id: optional(matching(/^[A-Z\d]{10}$/, '10 capital letters and digits'), 'F6G7H8I9J0', 'The key.'),
      key_file: optional(file, 'AuthKey.p8', 'The key itself, as Apple gives it.'),
    },
  },
  'providers.apns.prod': apns('api.push.apple.com', 'apns_prod'),
  'providers.apns.dev': apns('api.sandbox.push.apple.com', 'apns_dev'),
  'providers.apns.test': apns(undefined, 'apns_test', { test: true }),
  'providers.apns.null': {
    doc: 'Provider "apns_null": takes any token and pushes nothing, for tests of apps.',
    keys: { enabled: key(flag, false, 'Whether clients can choose it; with [ntf], they always can.') },
  },
  'providers.fcm': {
    doc: 'Google: provider "fcm".',
    keys: {
      enabled: key(flag, false, 'Whether clients can choose it.'),
      service_account_file: optional(file, 'service-account.json', 'The key of the service account.'),
      host: key(host, 'fcm.googleapis.com', 'Where it is.'),
      port: key(port, 443, 'Its port.'),
      ca_file: caFile,
    },
  },
  'providers.webpush': {
    doc: 'Web Push and UnifiedPush: provider "webpush".',
    keys: {
      enabled: key(flag, false, 'Whether clients can choose it.'),
      vapid_key_file: key(file, 'vapid.json', 'The keys that say who we are. `init` makes them.'),
      subject: optional(
        matching(/^(mailto:.|https:\/\/.)/, 'mailto:… or https://…'),
        'mailto:admin@example.org',
        'How push services can reach you.',
      ),
      allow: allow('endpoints'),
      ca_file: caFile,
    },
  },
  'providers.webhook': {
    doc: 'Standard Webhooks: provider "webhook".',
    keys: {
      enabled: key(flag, false, 'Whether clients can choose it.'),
      allow: allow('endpoints'),
      ca_file: caFile,
    },
  },
  'providers.console': {
    doc: 'A line on stdout for each push: provider "console", for trying out.',
    keys: { enabled: key(flag, false, 'Whether clients can choose it.') },
  },
} as const satisfies Readonly<Record<string, Section>>

export type SectionName = keyof typeof sections
export const sectionNames = Object.keys(sections) as readonly SectionName[]

type ValueOf<K> = K extends Key<infer T, infer D> ? (undefined extends D ? T | undefined : T) : never
type KeysOf<S extends SectionName> = (typeof sections)[S]['keys']

export type Config = {
  readonly [S in SectionName]: { readonly [K in keyof KeysOf<S>]: ValueOf<KeysOf<S>[K]> }
}

export const keysOf = (section: SectionName): Readonly<Record<string, Key<unknown>>> => sections[section].keys

/** `[providers.apns.prod] host` is `SMPKIT_NTF_PROVIDERS__APNS__PROD__HOST`. */
export const variableOf = (section: SectionName, name: string): string =>
  `${variablePrefix}${[...section.split('.'), name].join('__').toUpperCase()}`

export const variablePrefix = 'SMPKIT_NTF_'
