// Spec 13 §13.12: what has to be done over the network, each connection's in the order of creation.
import { find, type Row, remove } from '@smpkit/agent-store'
import { toMapKey } from '@smpkit/encoding'
import type { CommandHandlers, Context } from './context.js'
import { RequestError } from './errors.js'
import { isGone, isTemporary, problemOf } from './failures.js'
import { canSend } from './sending.js'
import type { CommandTag } from './stored.js'
import type { Turn, Workers } from './workers.js'

export function wakeCommands(context: Context, workers: Workers, handlers: CommandHandlers, connId: Uint8Array): void {
  // New commands are rare, and what they come with may have removed the reason to wait.
  const work = (turn: Turn) => runCommands(context, handlers, connId, turn)
  workers.wake(`command ${toMapKey(connId)}`, work, { urgent: true })
}

async function runCommands(context: Context, handlers: CommandHandlers, connId: Uint8Array, turn: Turn): Promise<void> {
  const { first, max } = context.retry.fast
  let delay = first
  while (!turn.signal.aborted) {
    try {
      const command = await nextCommand(context, connId)
      if (!command) return
      await runCommand(context, handlers, command, turn)
      delay = first
    } catch (error) {
      if (turn.signal.aborted || isGone(error)) return
      if (!isTemporary(error)) throw error
      await turn.wait(delay * (0.5 + context.random()))
      delay = Math.min(delay * 1.5, max)
    }
  }
}

/** Receipts wait until something can be sent, and hold up nothing meanwhile. */
async function nextCommand(context: Context, connId: Uint8Array): Promise<Row<'commands'> | undefined> {
  const { commands } = await context.store.read({ commands: find('commands', 'byConnection', { connId }) })
  const [first] = commands
  if (first?.tag !== 'receipt') return first
  if (await context.step(connId, {}, canSend)) return first
  return commands.find(({ tag }) => tag !== 'receipt')
}

/** @throws what may pass, and mistakes of ours */
async function runCommand(
  context: Context,
  handlers: CommandHandlers,
  command: Row<'commands'>,
  { signal }: Turn,
): Promise<void> {
  try {
    await handlers[command.tag as CommandTag](context, command, signal)
  } catch (error) {
    // A connection that was restored before it was made cannot be synchronized: waiting does not help it.
    const isHopeless = makesConnection(command) && error instanceof RequestError
    if (signal.aborted || (isTemporary(error) && !isHopeless)) throw error
    await failed(context, command, problemOf(error))
  }
}

const makesConnection = ({ tag }: Row<'commands'>): boolean =>
  tag === 'join' || tag === 'request' || tag === 'allow' || tag === 'secure'

/** It will never succeed. */
async function failed(
  context: Context,
  command: Row<'commands'>,
  problem: { code: string; reason: string },
): Promise<void> {
  const { connId, commandNo } = command
  await context.step(connId, {}, (step) => {
    step.write(remove('commands', { commandNo }))
    const { code, reason } = problem
    step.event(makesConnection(command) ? 'failed' : 'error', {
      code: code === 'AUTH' ? 'NOT_AVAILABLE' : code,
      reason,
    })
  })
}
