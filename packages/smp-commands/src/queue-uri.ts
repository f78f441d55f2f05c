// Spec 01 §4: queue addresses, as text and in both binary forms.
import { dhKey, PublicKey } from '@smpkit/crypto'
import {
  bool,
  type Codec,
  EncodeError,
  letters,
  type Reader,
  record,
  shortBytes,
  text,
  toBase64url,
  type Value,
  type VersionRange,
  versionRange,
  versionRangeFromText,
  versionRangeToText,
  type Writer,
  word16,
} from '@smpkit/encoding'
import { AddressError } from './errors.js'
import { host } from './hosts.js'
import { withOnionHost } from './known-hosts.js'
import { type QueueMode, queueMode } from './new-queue.js'
import { parseQuery, queryToText } from './query.js'
import {
  bytesOf,
  parseHosts,
  parseServerAddress,
  type ServerAddress,
  serverAddress,
  serverAddressToText,
} from './server-address.js'

/** Versions of the SMP client protocol (not of SMP): 1 initial, 2 several hosts, 3 `SKEY`, 4 short links. */
const since = { hosts: 2, senderSecures: 3, queueMode: 4 } as const

interface Queue {
  readonly server: ServerAddress
  readonly senderId: Uint8Array
  /** The recipient's key for the end-to-end layer of the first message. */
  readonly dhKey: PublicKey<'x25519'>
  /** `null` where the writer did not know it, or where its version cannot say it. */
  readonly queueMode: QueueMode | null
}

/** The address of a queue with the versions that its recipient understands. */
export interface QueueUri extends Queue {
  readonly versionRange: VersionRange
}

/** The address of a queue inside agent messages, for the version that was agreed on. */
export interface QueueInfo extends Queue {
  readonly version: number
}

/** One host instead of a list; further hosts are lost, and those of old public servers are known. */
const legacyServer: Codec<ServerAddress> = record<ServerAddress>({
  hosts: {
    write(w, [first]) {
      if (!first) throw new EncodeError('RANGE', 'expected at least one host')
      host.write(w, first)
    },
    read: (r) => withOnionHost([host.read(r)]),
  },
  port: text,
  keyHash: shortBytes,
})

const queue = (server: Codec<ServerAddress>) =>
  record<Omit<Queue, 'queueMode'>>({ server, senderId: shortBytes, dhKey })
const currentQueue = queue(serverAddress)
const legacyQueue = queue(legacyServer)
const queueFor = (version: number) => (version < since.hosts ? legacyQueue : currentQueue)

/** Letters of both layouts, which every version accepts. */
const anyMode = letters({ M: 'messaging', C: 'contact', T: 'messaging', F: 'contact' })

/** The mode is the last field and may be absent: any byte that is no letter of it belongs to what follows. */
function readMode(reader: Reader): QueueMode | null {
  return 'MCTF'.includes(String.fromCharCode(reader.peek() ?? 0)) ? anyMode.read(reader) : null
}

function writeMode(writer: Writer, mode: QueueMode | null): void {
  if (mode) queueMode.write(writer, mode)
}

/** `w16` version, server (a single host in version 1), sender id, key, mode. Arrays that it reads are views. */
export const queueInfo: Codec<QueueInfo> = {
  write(w, v) {
    w.word16(v.version)
    queueFor(v.version).write(w, v)
    if (v.version >= since.queueMode) writeMode(w, v.queueMode)
    else if (v.version >= since.senderSecures && v.queueMode === 'messaging') bool.write(w, true)
  },
  read(r) {
    const version = word16.read(r)
    return { version, ...queueFor(version).read(r), queueMode: readMode(r) }
  },
}

/** Version range, server, sender id, key, mode. Arrays that it reads are views. */
export const queueUri: Codec<QueueUri> = {
  write(w, v) {
    const { min, max } = v.versionRange
    const secures = v.queueMode === 'messaging'
    versionRange.write(w, v.versionRange)
    currentQueue.write(w, v)
    if (min >= since.queueMode) writeMode(w, v.queueMode)
    else if (min >= since.senderSecures || (max >= since.senderSecures && secures)) bool.write(w, secures)
  },
  read: (r) => ({ versionRange: versionRange.read(r), ...currentQueue.read(r), queueMode: readMode(r) }),
}

/** Which queue, without what is needed to write to it: server and sender id. Arrays that it reads are views. */
export const queueAddress = record({ server: serverAddress, senderId: shortBytes })
export type QueueAddress = Value<typeof queueAddress>

/**
 * Reads `server/senderId#/?v=…&dh=…` and the older forms with the key directly after `#`; unknown parameters are ignored.
 * The arrays are the caller's own.
 * @throws AddressError
 */
export function parseQueueUri(text: string): QueueUri {
  const match = /^(smp:\/\/[^/#?]+)\/([\w=-]+)\/?#([\w=-]*)(?:\/?\?([^#\s]*))?$/.exec(text)
  if (!match) throw new AddressError('expected smp://keyHash@host/senderId#/?v=…&dh=…')
  const [, serverText, senderText, legacyKey, query] = match as unknown as [string, string, string, string, string?]
  const { password, scheme: _, ...server } = parseServerAddress(serverText, 'smp')
  if (password !== null) throw new AddressError('expected a queue address without a password')
  const params = parseQuery(query ?? '')
  // Before there were ranges, the key stood alone: version 1.
  const versionRange = parseRange(params.get('v') ?? (query === undefined ? '1' : ''))
  const others = params.get('srv')
  const hosts = others ? [...server.hosts, ...parseHosts(others)] : server.hosts
  return {
    versionRange,
    server: { ...server, hosts: versionRange.max < since.hosts ? withOnionHost(hosts) : hosts },
    senderId: bytesOf(senderText, 'a sender id'),
    dhKey: parseKey(legacyKey || (params.get('dh') ?? '')),
    queueMode: parseMode(params),
  }
}

function parseRange(text: string): VersionRange {
  try {
    return versionRangeFromText(text)
  } catch (cause) {
    throw new AddressError('expected v=min-max', { cause })
  }
}

function parseKey(text: string): PublicKey<'x25519'> {
  try {
    const key = PublicKey.fromDer(bytesOf(text, 'a key'))
    if (key.is('x25519')) return key
  } catch (cause) {
    throw new AddressError('expected dh=key, a DER public key in base64url', { cause })
  }
  throw new AddressError('expected an X25519 key in dh')
}

function parseMode(params: ReturnType<typeof parseQuery>): QueueMode | null {
  const mode = params.get('q')
  if (mode === 'c') return 'contact'
  return mode === 'm' || params.get('k') === 's' ? 'messaging' : null
}

/**
 * Writes a queue address that `parseQueueUri` reads. Below client version 2 the server part has one host and `srv` the others.
 * @throws AddressError if the sender id is empty, or as `serverAddressToText`
 */
export function queueUriToText(uri: QueueUri): string {
  const { versionRange, server, senderId, dhKey, queueMode } = uri
  if (senderId.length === 0) throw new AddressError('expected a sender id')
  const legacy = versionRange.min < since.hosts
  const [first, ...others] = server.hosts
  const params: [string, string][] = [
    ['v', versionRangeToText(versionRange)],
    ['dh', toBase64url(dhKey.toDer())],
  ]
  if (queueMode) params.push(['q', queueMode === 'messaging' ? 'm' : 'c'])
  if (queueMode === 'messaging' && versionRange.min < since.queueMode) params.push(['k', 's'])
  if (legacy && others.length > 0) params.push(['srv', others.map((h) => h.text).join(',')])
  const serverText = serverAddressToText(legacy && first ? { ...server, hosts: [first] } : server)
  return `${serverText}/${toBase64url(senderId)}#/?${queryToText(params)}`
}
