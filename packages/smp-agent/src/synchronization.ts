// Spec 10 §10.9: making new ratchets when the old ones have diverged.
import { find, get, insert, type Row, removeAll } from '@smpkit/agent-store'
import { sha256 } from '@smpkit/crypto'
import { encode, equalBytes } from '@smpkit/encoding'
import {
  createRatchetKeys,
  type E2eProposedParams,
  e2eVersions,
  paramsOf,
  type RatchetErrorCode,
  type RatchetKeys,
  type RatchetState,
  ratchetKeyHash,
  resyncRole,
  startReceiving,
  startSendingWith,
} from '@smpkit/ratchet'
import { agentEnvelope } from './agent-envelope.js'
import { agentMessage } from './agent-message.js'
import type { Context } from './context.js'
import { PeerError, RequestError } from './errors.js'
import type { Payload } from './events.js'
import type { Received, Verdict } from './received.js'
import type { Step } from './step.js'
import { sendingQueues } from './step-rows.js'
import { type AgentVersion, agentVersions, has, raiseAgentVersion } from './versions.js'

/**
 * Messages that wait to be sent, beyond which a peer that resets again gets no answer: it fetches nothing, and the answers would
 * fill the store.
 */
const maxWaiting = 1000

const noBytes = new Uint8Array(0)

export interface SynchronizeOptions {
  /**
   * Also where nothing is wrong, or where a synchronization is under way and does not end: when a side starts again before the other one has
   * answered, the keys may cross. Two more, of whichever side, each after the one before has had its effect, end that. Default: `false`.
   */
  readonly force?: boolean
}

/**
 * Starts to make new ratchets. What waits to be sent keeps its keys of the old one: it reaches the peer before our new keys do,
 * while it has the old one, too.
 * @throws RequestError `PROHIBITED`, `NOT_FOUND`
 */
export async function synchronize(
  context: Context,
  connId: Uint8Array,
  { force = false }: SynchronizeOptions = {},
): Promise<void> {
  const keys = await freshKeys(context, connId)
  await context.step(connId, {}, (step) => {
    requireStarting(step, force)
    const { peerKeys } = step
    const isRestored = step.connection.synchronization === 'restored'
    step.setRatchet({ keys, peerKeys: null })
    sendKeys(step, paramsOf(keys, e2eVersions.max))
    setState(step, 'started')
    // The peer may wait for ours, too, and not answer them: then these make the ratchet. If it answers, its new ones do.
    if (peerKeys && !isRestored) renewRatchet(step, keys, peerKeys)
  })
}

/** Made before the step that may need them. */
async function freshKeys({ store }: Context, connId: Uint8Array): Promise<RatchetKeys> {
  const { connection } = await store.read({ connection: get('connections', { connId }) })
  const hasKem = connection?.pqSupport && has(connection.agentVersion as AgentVersion, 'pqRatchet')
  return createRatchetKeys({ kem: hasKem ?? false })
}

/**
 * The spec does not start again from `agreed`. But two sides may have agreed with keys that crossed, on different ratchets: none of them could
 * ever send or start again.
 */
function requireStarting(step: Step, force: boolean): void {
  const { synchronization: state, agentVersion, deletion } = step.connection
  const [primary] = step.sendQueues
  const isMade = (primary?.status === 'confirmed' || primary?.status === 'active') && step.receiveQueues.some(isShared)
  if (!isMade || !step.ratchetState) {
    throw new RequestError('PROHIBITED', 'expected a connection that both sides have confirmed')
  }
  if (deletion === 'now') throw new RequestError('PROHIBITED', 'expected a connection that is not being deleted')
  if (!has(agentVersion as AgentVersion, 'ratchetSync')) {
    throw new RequestError('PROHIBITED', 'expected a peer that can synchronize: agent version 3 or later')
  }
  const isForced = state === 'ok' || state === 'started' || state === 'agreed'
  if (isForced && !force) {
    throw new RequestError('PROHIBITED', `expected ratchets that may have diverged, or force; they are ${state}`)
  }
}

const isShared = ({ e2eSecret }: Row<'receiveQueues'>): boolean => e2eSecret !== null

/** Takes a `snd-msg-id`, for which the one byte `R` stands in the chain of hashes. */
function sendKeys(step: Step, params: E2eProposedParams): void {
  const info = encode(agentMessage, { type: 'ratchetInfo', info: noBytes })
  const envelope = { agentVersion: agentVersions.max, type: 'ratchetKey', e2eParams: params, info } as const
  step.enqueue('ratchetKey', encode(agentEnvelope, envelope), {
    hash: sha256(info),
    key: noBytes,
    paddedLength: 0,
    notification: true,
    queues: sendingQueues(step.sendQueues),
  })
}

/** The peer's keys: an answer to ours, or its wish to begin again, which is answered. */
export async function onRatchetKey(context: Context, { queue, envelope }: Received<'ratchetKey'>): Promise<Verdict> {
  const { connId } = queue
  const { e2eParams: theirs, agentVersion } = envelope
  requireVersion(theirs)
  const keys = await freshKeys(context, connId)
  const hash = ratchetKeyHash(theirs)
  const queries = {
    known: get('hashes', { connId, kind: 'ratchetKey', hash }),
    waiting: find('deliveries', 'byConnection', { connId }, maxWaiting),
  }
  return await context.step(connId, queries, (step, { known, waiting }) => {
    if (known) return 'ack'
    const { synchronization: state, agentVersion: agreed } = step.connection
    if (step.sendQueues.length === 0 || !step.ratchetState) {
      throw new PeerError('A_PROHIBITED', 'expected no keys of a new ratchet before both sides have confirmed')
    }
    step.write(insert('hashes', { connId, kind: 'ratchetKey', hash, createdAt: step.now }))
    step.set({ agentVersion: raiseAgentVersion(agreed as AgentVersion, agentVersion) })
    if (state === 'agreed') {
      step.setRatchet({ peerKeys: theirs })
      step.event('error', {
        code: 'RATCHET_SYNC',
        reason: 'expected a message of the new ratchet, got keys of another',
      })
      setState(step, 'required')
      return 'ack'
    }
    const sent = state === 'started' ? step.ratchetKeys : undefined
    if (!sent) {
      if (waiting.length >= maxWaiting) {
        throw new PeerError('A_PROHIBITED', 'expected the peer to fetch what is sent before it begins again')
      }
      sendKeys(step, paramsOf(keys, theirs.version))
    }
    setState(step, 'agreed')
    renewRatchet(step, sent ?? keys, theirs)
    step.setRatchet({ keys: null })
    return 'ack'
  })
}

function requireVersion({ version }: E2eProposedParams): void {
  const { min, max } = e2eVersions
  if (version >= min && version <= max) return
  throw new PeerError('A_VERSION', `expected encryption version ${min}-${max}, got ${version}`)
}

/** The new ratchet is in the place of the old one, with all its skipped keys. Who has the higher hash can send: it begins. */
function renewRatchet(step: Step, own: RatchetKeys, theirs: E2eProposedParams): void {
  const { connId } = step
  const role = resyncRole(ratchetKeyHash(paramsOf(own, theirs.version)), ratchetKeyHash(theirs))
  const state =
    role === 'initiator' ? startReceiving(own, theirs, { pqSupport: step.pq }) : startSendingWith(own, theirs)
  step.write(removeAll('skippedKeys', 'byConnection', { connId }))
  step.setRatchet({ peerKeys: theirs, state })
  if (role === 'joiner') sendReady(step)
}

/** The peer is told that our new ratchet is there, and what came with the old one. */
function sendReady(step: Step): void {
  const lastDecryptedId = BigInt(step.connection.lastReceivedId)
  step.send({ type: 'ratchetReady', lastDecryptedId }, { notification: true })
}

/** What the failure says of the ratchets (10.8): nothing where they cannot be synchronized, or just are. */
export function noteDecryptionError(step: Step, code: RatchetErrorCode | 'DECRYPT_CB'): void {
  const { synchronization: state, agentVersion } = step.connection
  if (!has(agentVersion as AgentVersion, 'ratchetSync') || !step.ratchetState) return
  if (state !== 'ok' && state !== 'allowed' && state !== 'required') return
  if (code === 'RATCHET_HEADER' || code === 'RATCHET_SKIPPED') setState(step, 'required')
  if (code === 'DECRYPT_AES' || code === 'DECRYPT_CB' || code === 'RATCHET_EARLIER') setState(step, 'allowed')
}

/**
 * The ratchets work: after a re-synchronization that ends it. A sending chain that was restored from a backup stays as it is,
 * unused, until the peer has begun a new one.
 */
export function afterDecryption(step: Step, former: RatchetState, state: RatchetState): void {
  const { synchronization } = step.connection
  const isSameChain = equalBytes(former.dhPublicKey.toRaw(), state.dhPublicKey.toRaw())
  const isOld = synchronization === 'started' && !step.peerKeys
  if (isOld || (synchronization === 'restored' && isSameChain)) return
  if (step.peerKeys) step.setRatchet({ keys: null, peerKeys: null })
  setState(step, 'ok')
  // We had the role that waits: the peer waits for this.
  if (!former.send) sendReady(step)
}

function setState(step: Step, state: Payload<'synchronization'>['state']): void {
  if (step.connection.synchronization === state) return
  step.set({ synchronization: state })
  // What could not be sent meanwhile is sent now.
  if (state === 'ok') step.effects.commands = true
  step.event('synchronization', { state })
}

/** After a backup was restored: an event for each connection that cannot send, unless one waits already. */
export async function tellRestored(context: Context): Promise<void> {
  const restored = { connections: find('connections', 'bySynchronization', { synchronization: 'restored' }) }
  const { connections } = await context.store.read(restored)
  for (const { connId } of connections) {
    await context.step(connId, { events: find('events', 'byConnection', { connId }) }, (step, { events }) => {
      if (!events.some(({ type }) => type === 'synchronization')) step.event('synchronization', { state: 'required' })
    })
  }
}
