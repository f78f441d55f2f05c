// Spec 13 §13.10: deleting connections, and single queues of ours. The peer is not told: it is refused when it sends next.
import { find, type Row, remove, removeAll, StoreError } from '@smpkit/agent-store'
import { deleteQueue } from '@smpkit/smp-client'
import type { CommandHandler, Context } from './context.js'
import { isTemporary } from './failures.js'
import { countOpen, sizeOf } from './held-back.js'
import { recipientOf } from './queues.js'
import type { Step } from './step.js'
import type { ReceiveQueue } from './step-rows.js'
import { storedCommand } from './stored.js'

/** After so many attempts a queue is left to its server, which expires what nobody fetches: 2 days where it may have messages for us. */
const maxAttempts = 10
const maxAttemptsIfReplaced = 576
/** How long a deletion waits for what is still to be delivered, in milliseconds. */
const maxWait = 2 * 24 * 3_600_000

export interface DeleteOptions {
  /** Whether what is still to be sent is sent before, for at most 2 days; sending goes on until then. Default: `false`. */
  readonly waitForDelivery?: boolean
}

type Pending = { readonly deliveries: readonly Row<'deliveries'>[]; readonly commands: readonly Row<'commands'>[] }

const pendingOf = (connId: Uint8Array) => ({
  deliveries: find('deliveries', 'byConnection', { connId }, 1),
  commands: find('commands', 'byConnection', { connId }),
})

/** @throws RequestError `NOT_FOUND` */
export async function deleteConnection(
  context: Context,
  connId: Uint8Array,
  { waitForDelivery = false }: DeleteOptions = {},
): Promise<void> {
  await context.step(connId, pendingOf(connId), (step, pending) => {
    const { deletion, deletedAt } = step.connection
    if (deletion === 'now' || (deletion === 'afterDelivery' && waitForDelivery)) return
    step.set({ deletion: waitForDelivery ? 'afterDelivery' : 'now', deletedAt: deletedAt || step.now })
    if (!waitForDelivery) dropWork(step)
    deleteQueues(step)
    finish(step, pending)
  })
}

/** Nothing more happens in the connection, and nothing is told of it. */
function dropWork(step: Step): void {
  const { connId } = step
  step.removeEvents()
  for (const table of ['deliveries', 'messages', 'requests', 'commands'] as const) {
    step.write(removeAll(table, 'byConnection', { connId }))
  }
  step.write(remove('confirmations', { connId }))
}

function deleteQueues(step: Step): void {
  for (const queue of step.receiveQueues) {
    const { queueNo } = queue
    step.setReceiveQueue(queueNo, { deleted: true, switchStatus: 'none' })
    step.effects.unsubscribe.push(queue)
    step.command({ tag: 'deleteQueue', queueNo })
  }
}

/** The connection goes when its queues have gone, and what was to be delivered before. */
function finish(step: Step, { deliveries, commands }: Pending): void {
  const { deletion, deletedAt } = step.connection
  if (deletion === 'no' || step.receiveQueues.length > 0) return
  const isUnderWay = deliveries.length > 0 || commands.some(({ tag }) => tag !== 'deleteQueue')
  if (deletion === 'afterDelivery' && isUnderWay && step.now - deletedAt < maxWait) return
  step.removeConnection()
  step.event('deleted', {})
}

/** After a delivery of a connection that waits for it. */
export async function finishDeletion(context: Context, connId: Uint8Array): Promise<void> {
  await context.step(connId, pendingOf(connId), finish)
}

/** Goes on with what could not be deleted before. */
export async function resumeDeletion(context: Context, connId: Uint8Array): Promise<void> {
  await context.step(connId, pendingOf(connId), (step, pending) => {
    if (pending.commands.some(({ tag }) => tag === 'deleteQueue')) return
    if (step.connection.deletion !== 'no') deleteQueues(step)
    else {
      for (const { queueNo, deleted } of step.receiveQueues) if (deleted) step.command({ tag: 'deleteQueue', queueNo })
    }
    finish(step, pending)
  })
}

/** `DEL`, once: where the server is away, the clean-up tries again. */
export const runDeleteQueue: CommandHandler = async (context, row, signal) => {
  const { connId, commandNo } = row
  const command = storedCommand.fromBytes(row.data)
  if (command.tag !== 'deleteQueue') return
  const { queueNo } = command
  const { queue, userId } = await context.step(connId, {}, (step) => ({
    queue: step.receiveQueues.find((one) => one.queueNo === queueNo && one.deleted),
    userId: step.connection.userId,
  }))
  const outcome = queue ? await tryToDelete(context, queue, userId, signal) : 'gone'
  await context.step(connId, pendingOf(connId), (step, pending) => {
    step.write(remove('commands', { commandNo }))
    const queue = step.receiveQueues.find((one) => one.queueNo === queueNo && one.deleted)
    const deleteErrors = (queue?.deleteErrors ?? 0) + (outcome === 'away' ? 1 : 0)
    const max = queue?.switchStatus === 'receivedMessage' ? maxAttemptsIfReplaced : maxAttempts
    if (queue && (outcome === 'gone' || deleteErrors >= max)) step.removeReceiveQueue(queueNo)
    else if (outcome === 'away' && queue) step.setReceiveQueue(queueNo, { deleteErrors })
    finish(step, pending)
  })
}

/** `inUse`: it was replaced, and has messages that were sent before. */
async function tryToDelete(
  context: Context,
  queue: ReceiveQueue,
  userId: string,
  signal: AbortSignal,
): Promise<'gone' | 'away' | 'inUse'> {
  try {
    if (queue.switchStatus === 'receivedMessage') {
      const size = await sizeOf(context, queue, userId, signal)
      // What this server does not tell: in the next round, what was on its way here has come.
      if (size === undefined && queue.deleteErrors === 0) return 'away'
      if ((size ?? (await countOpen(context, queue))) > 0) return 'inUse'
    }
    await deleteQueue(context.network.recipient(queue.server, userId), recipientOf(queue), { signal })
    return 'gone'
  } catch (error) {
    if (signal.aborted || error instanceof StoreError) throw error
    return isTemporary(error) ? 'away' : 'gone'
  }
}
