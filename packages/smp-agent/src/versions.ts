// Spec 11 §11.1: versions of the agent's and of the queue's protocol, and what each of them brought.
import { intersect, type VersionRange } from '@smpkit/encoding'

declare const agentVersion: unique symbol
declare const clientVersion: unique symbol

/** A version of the protocol between agents. */
export type AgentVersion = number & { readonly [agentVersion]: true }

/** A version of the SMP client protocol: of queue addresses and of what is sent to a queue. */
export type ClientVersion = number & { readonly [clientVersion]: true }

/** The versions that an agent of ours speaks and writes into links. */
export const agentVersions = { min: 2 as AgentVersion, max: 7 as AgentVersion } as const

/** The versions of queues that we send to. */
export const clientVersions = { min: 1 as ClientVersion, max: 4 as ClientVersion } as const

/** The first version of a queue's address that tells whether its sender secures it. */
export const senderSecuresSince = 3 as ClientVersion

/** The versions that we write into links to queues of ours. A peer whose link we have joined may speak less (`queueAdd`). */
export const ownQueueVersions = { min: clientVersions.max, max: clientVersions.max } as const

/** The first agent version that has a feature. */
export const since = {
  /** The joiner's queue comes inside its confirmation. */
  replyQueues: 2,
  /** Ratchet re-synchronisation: the envelope `ratchetKey`, the message `ratchetReady`. */
  ratchetSync: 3,
  /** Delivery receipts. */
  receipts: 4,
  /** The post-quantum ratchet, and the shorter paddings that make room for it. */
  pqRatchet: 5,
  /** `SKEY` for the joiner's queue. */
  securedReplyQueues: 6,
  /** The initiator has its ratchet before its application accepts: the joiner may send at once. */
  earlyRatchet: 7,
} as const

export type AgentFeature = keyof typeof since

export const has = (version: AgentVersion, feature: AgentFeature): boolean => version >= since[feature]

/** The highest version that we and a peer of these versions speak, `undefined` where there is none. */
export function commonAgentVersion(theirs: VersionRange): AgentVersion | undefined {
  return intersect(agentVersions, theirs)?.max as AgentVersion | undefined
}

/** As `commonAgentVersion`, for a queue. */
export function commonClientVersion(theirs: VersionRange): ClientVersion | undefined {
  return intersect(clientVersions, theirs)?.max as ClientVersion | undefined
}

/** The version of a connection after an envelope of version `received`: it only rises, up to our highest. */
export function raiseAgentVersion(agreed: AgentVersion, received: number): AgentVersion {
  return Math.max(agreed, Math.min(received, agentVersions.max)) as AgentVersion
}
