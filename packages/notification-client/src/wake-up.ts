// Spec 23 §8, 30 §6: what a device does that a push has woken, and that goes back to sleep.
import { nonceLength } from '@smpkit/encoding'
import type { SmpAgent, WakeUpItem, WakeUpResult } from '@smpkit/smp-agent'
import { openDevicePush } from './device-secret.js'
import { type ClientState, Records } from './state.js'

export interface WakeUpRequest {
  /** Opened with `subscribe: false`. */
  readonly agent: SmpAgent
  /** That of the client; no client needs to be open. */
  readonly state: ClientState
  /** Of the push. */
  readonly notificationData: unknown
  /** How long it may take, in milliseconds. Default: 20,000. */
  readonly timeBudget?: number
  readonly signal?: AbortSignal
}

export interface WokenUp {
  readonly kind: 'verification' | 'message' | 'check'
  /**
   * What has become of each queue that the push tells of, of all queues with a notifier for a check: there are none in `periodic` mode. Messages come as
   * events of the agent.
   */
  readonly results: readonly WakeUpResult[]
  /** A client is to be opened, over an agent that subscribes, when that can be: to send back the code, or to see why we were told to look. */
  readonly needsClient: boolean
}

/**
 * Fetches what a push tells of, while the application reads and acknowledges the events of the agent. Settles when the queues are empty or the time is
 * over.
 * @throws NotificationClientError `PUSH`; what the agent and the state do
 */
export async function wakeUp({ agent, state, notificationData, ...options }: WakeUpRequest): Promise<WokenUp> {
  const records = new Records(state)
  const opened = openDevicePush(await records.device.get(), notificationData)
  if (opened === null || opened.kind === 'verification') {
    await records.push.put(notificationData)
    return { kind: 'verification', results: [], needsClient: true }
  }
  const isCheck = opened.kind === 'check'
  const items = isCheck ? await allQueues(agent) : opened.items
  return { kind: opened.kind, results: await agent.wakeUp(items, options), needsClient: isCheck }
}

/** Without metadata: whatever was received last, each queue is looked at. */
async function allQueues(agent: SmpAgent): Promise<WakeUpItem[]> {
  const items: WakeUpItem[] = []
  const nothing = { nonce: new Uint8Array(nonceLength), encMeta: new Uint8Array() }
  for await (const page of agent.allNotifiers()) {
    for (const { server, notifierId } of page) items.push({ server, notifierId, ...nothing })
  }
  return items
}
