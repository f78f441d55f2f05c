// Spec 12 §12.3, §12.4: full links, as text and as inside of link data.
import {
  type Codec,
  DecodeError,
  EncodeError,
  letters,
  list,
  mapped,
  optional,
  record,
  tagged,
  type VersionRange,
  versionRange,
  versionRangeFromText,
  versionRangeToText,
} from '@smpkit/encoding'
import {
  commonE2eVersion,
  type E2eParamsRange,
  type E2eVersion,
  e2eParamsFromText,
  e2eParamsRange,
  e2eParamsToText,
  e2eVersions,
} from '@smpkit/ratchet'
import { parseQueueUri, type QueueUri, queueUri, queueUriToText } from '@smpkit/smp-commands/address'
import { parseQuery, queryToText } from '@smpkit/smp-commands/internal'
import { LinkError } from './errors.js'
import { readLink } from './link-text.js'
import {
  type AgentVersion,
  agentVersions,
  type ClientVersion,
  clientVersions,
  commonAgentVersion,
  commonClientVersion,
} from './versions.js'

interface RequestBase {
  readonly agentVersions: VersionRange
  /** At least one; only the first is used. */
  readonly queues: readonly QueueUri[]
  /** Of the application. */
  readonly clientData: string | null
}

/** For one connection. */
export interface InvitationRequest extends RequestBase {
  readonly type: 'invitation'
  readonly e2e: E2eParamsRange
}

/** A contact address: for any number of connections. */
export interface ContactRequest extends RequestBase {
  readonly type: 'contact'
}

export type ConnectionRequest = InvitationRequest | ContactRequest

/** A version range of 1 to 4 has no place for the mode `contact`: so it is what an absent mode means. */
const requestQueue: Codec<QueueUri> = mapped(
  queueUri,
  (queue) => ({ ...queue, queueMode: queue.queueMode ?? 'contact' }),
  (queue) => queue,
)

const largeText: Codec<string> = {
  write: (w, v) => w.largeBytes(new TextEncoder().encode(v)),
  read: (r) => r.utf8(r.largeBytes()),
}

const fields = { agentVersions: versionRange, queues: list(requestQueue, 1), clientData: optional(largeText) }

const variants = {
  invitation: record<Omit<InvitationRequest, 'type'>>({ ...fields, e2e: e2eParamsRange }),
  contact: record<Omit<ContactRequest, 'type'>>(fields),
}

/** The form inside link data. Arrays that it reads are views. */
export const connectionRequest: Codec<ConnectionRequest> = tagged(
  'type',
  letters({ I: 'invitation', C: 'contact' }),
  variants,
)

const pattern = /^(?:simplex:|https:\/\/[^:#,;/\s]+(?::\d+)?)\/(invitation|contact)\/?#\/\?(\S*)$/

/**
 * Reads the text of a full link of any versions. Those of a contact address begin at 2, whatever it says.
 * @throws LinkError `LENGTH`, `SYNTAX`
 */
export function parseConnectionRequest(text: string): ConnectionRequest {
  return readLink(text, 'a full link', pattern, ([, type, query = '']) => {
    const params = parseQuery(query)
    const required = (name: string) => {
      const value = params.get(name)
      if (value === null) throw new DecodeError('invalid', `expected ${name}= in it`, 0)
      return value
    }
    const versions = versionRangeFromText(required('v'))
    const queues = required('smp').split(';').map(parseQueueUri)
    const clientData = params.get('data')
    if (type === 'invitation') {
      return { type, agentVersions: versions, queues, clientData, e2e: e2eParamsFromText(required('e2e')) }
    }
    const min = Math.max(agentVersions.min, versions.min)
    return { type: 'contact', agentVersions: { min, max: Math.max(min, versions.max) }, queues, clientData }
  })
}

/** How the text of a full link begins: `https://host[:port]` leads a browser to a page that explains. */
export type LinkScheme = 'simplex:' | `https://${string}`

/**
 * Writes what `parseConnectionRequest` reads.
 * @throws EncodeError `RANGE` for a scheme with more than a host and port, no queue, or text that is no Unicode; AddressError as
 *   `queueUriToText`
 */
export function connectionRequestToText(request: ConnectionRequest, scheme: LinkScheme = 'simplex:'): string {
  const { type, queues, clientData } = request
  if (!/^(?:simplex:|https:\/\/[^:#,;/\s]+(?::\d+)?)$/.test(scheme)) {
    throw new EncodeError('RANGE', 'expected simplex: or https://host[:port] before a link')
  }
  if (queues.length === 0) throw new EncodeError('RANGE', 'expected a link with a queue')
  if (clientData !== null && /\p{Surrogate}/u.test(clientData)) {
    throw new EncodeError('RANGE', 'expected client data of Unicode text')
  }
  const params: [string, string][] = [
    ['v', versionRangeToText(request.agentVersions)],
    ['smp', queues.map(queueUriToText).join(';')],
  ]
  if (type === 'invitation') params.push(['e2e', e2eParamsToText(request.e2e)])
  if (clientData !== null) params.push(['data', clientData])
  return `${scheme}/${type}#/?${queryToText(params)}`
}

/** What a connection that comes of a request will speak. */
export interface AgreedVersions {
  readonly agentVersion: AgentVersion
  readonly clientVersion: ClientVersion
  /** `null` for a contact address, which says nothing of it. */
  readonly e2eVersion: E2eVersion | null
}

/** @throws LinkError `VERSION` if there is no common version */
export function agreeVersions(request: ConnectionRequest): AgreedVersions {
  const [queue] = request.queues
  if (!queue) throw new EncodeError('RANGE', 'expected a link with a queue')
  return {
    agentVersion: common('agent', request.agentVersions, agentVersions, commonAgentVersion),
    clientVersion: common('queue', queue.versionRange, clientVersions, commonClientVersion),
    e2eVersion:
      request.type === 'invitation' ? common('encryption', request.e2e.versions, e2eVersions, commonE2eVersion) : null,
  }
}

function common<V>(
  name: string,
  theirs: VersionRange,
  ours: VersionRange,
  commonVersion: (theirs: VersionRange) => V | undefined,
): V {
  const version = commonVersion(theirs)
  if (version !== undefined) return version
  const [link, we] = [theirs, ours].map(versionRangeToText)
  throw new LinkError('VERSION', `the link is for ${name} versions ${link}; we speak ${we}`)
}
