// Spec 04 §2.2, §6.2: from a block that came to the answers that go.
import {
  type AuthorizedCommand,
  type BlockConnection,
  type ErrorResponse,
  ParseError,
  parseBlock,
  receiveCommand,
  type ServerSession,
} from '@smpkit/smp-commands'
import type { Broker } from './broker.js'
import type { Client } from './client.js'
import type { Following } from './commands/call.js'
import { execute } from './commands/execute.js'
import type { Id } from './queue.js'
import { type ChecksLeft, verify } from './verify.js'

const empty: Uint8Array = new Uint8Array(0)
/** Commands whose authorization is checked before other connections have their turn: some milliseconds. */
const checksPerTurn = 32
/** With no more answers than this, the first message goes into their block. */
const answersWithMessage = 4

/** Lets other connections go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The connection was cut by `dropConnections`. */
class Dropped extends Error {
  override readonly name = 'Dropped'
}

/**
 * Serves one connection until it ends.
 * @throws Dropped and faults of ours: whoever accepted the connection must end it at once, and not wait for a peer that does not read
 */
export async function serve(broker: Broker, connection: BlockConnection<ServerSession>): Promise<void> {
  let drop = () => {}
  const dropped = new Promise<never>((_, reject) => {
    drop = () => reject(new Dropped('the server dropped its connections'))
  })
  const client = broker.connect(connection, drop)
  try {
    await Promise.race([receiveBlocks(broker, client, connection), dropped])
  } catch (error) {
    if (!(error instanceof Dropped)) broker.fault(error)
    throw error
  } finally {
    broker.disconnect(client)
  }
  await connection.close()
}

async function receiveBlocks(
  broker: Broker,
  client: Client,
  connection: BlockConnection<ServerSession>,
): Promise<void> {
  for await (const block of connection) {
    client.active()
    await receiveBlock(broker, client, block)
    // A peer that does not read is not read from.
    await client.outgoing.room()
    await client.proxying.room()
    await turn()
  }
}

async function receiveBlock(broker: Broker, client: Client, block: Uint8Array): Promise<void> {
  let transmissions: Uint8Array[]
  try {
    transmissions = parseBlock(block)
  } catch (error) {
    if (!(error instanceof ParseError)) broker.fault(error)
    client.outgoing.add([client.error(empty, empty, { code: 'BLOCK' })])
    return
  }
  const commands = await authorized(broker, client, transmissions)
  // The queues may be another server's by now.
  if (!client.outgoing.ended) executeAll(broker, client, commands)
}

/** The commands that may be executed; what is wrong with the others is answered at once. */
async function authorized(broker: Broker, client: Client, transmissions: Uint8Array[]): Promise<AuthorizedCommand[]> {
  const commands: AuthorizedCommand[] = []
  const errors: Uint8Array[] = []
  const left = { checks: broker.settings.maxChecksPerBlock }
  let turnAt = left.checks - checksPerTurn
  for (const bytes of transmissions) {
    const received = check(broker, client, bytes, left)
    if ('error' in received) errors.push(client.error(received.corrId, received.entityId, received.error))
    else commands.push(received)
    if (left.checks > turnAt) continue
    turnAt = left.checks - checksPerTurn
    await turn()
  }
  client.outgoing.add(errors)
  return commands
}

function check(broker: Broker, client: Client, bytes: Uint8Array, left: ChecksLeft): AuthorizedCommand | ErrorResponse {
  let ids = { corrId: empty, entityId: empty }
  try {
    const received = receiveCommand(client.session, bytes)
    if ('error' in received) return received
    ids = { corrId: received.corrId, entityId: received.entityId }
    client.received(received.command.tag, received.entityId)
    const error = verify(broker.store, client.session, received, left)
    return error ? { ...ids, error } : received
  } catch (error) {
    broker.fault(error)
    return { ...ids, error: { code: 'INTERNAL' } }
  }
}

interface Outcome {
  /** `null`: it will be answered later. */
  readonly answer: Uint8Array | null
  readonly following: Following
}

/** From the last to the first; the answers stand in the order of the commands. */
function executeAll(broker: Broker, client: Client, commands: readonly AuthorizedCommand[]): void {
  const outcomes = commands
    .toReversed()
    .map((command) => executeOne(broker, client, command))
    .reverse()
  const answers: Uint8Array[] = []
  const messages: Id[] = []
  const pushed: Id[] = []
  const events: Uint8Array[] = []
  for (const { answer, following } of outcomes) {
    if (answer) answers.push(answer)
    messages.push(...following.messages)
    for (const id of following.pushed) pushed.push(id)
    events.push(...following.events)
  }
  const [first, ...others] = messages
  if (answers.length <= answersWithMessage && first !== undefined) {
    client.outgoing.add(answers, first)
    for (const id of others) client.outgoing.addMessage(id)
  } else {
    client.outgoing.add(answers)
    for (const id of messages) client.outgoing.addMessage(id)
  }
  for (const id of pushed) client.outgoing.addMessage(id)
  client.outgoing.add(events)
}

function executeOne(broker: Broker, client: Client, received: AuthorizedCommand): Outcome {
  const following: Following = { messages: [], pushed: [], events: [] }
  const { corrId, entityId } = received
  try {
    const message = execute(broker, client, received, following)
    return { answer: message && client.answer(corrId, entityId, message), following }
  } catch (error) {
    return { answer: client.answer(corrId, entityId, broker.fault(error)), following }
  }
}
