// Spec 20 §4: one connection: blocks of commands in, blocks of answers out.
import { setImmediate as others } from 'node:timers/promises'
import {
  type NtfServerEnd,
  packResponses,
  type ReceivedCommand,
  receiveCommands,
  writeResponse,
} from '@smpkit/ntf-protocol'
import type { BlockConnection } from '@smpkit/smp-commands'
import type { Answer, Executor } from './executor.js'

export interface ServedConnection {
  readonly connection: BlockConnection<NtfServerEnd>
  readonly executor: Executor
  /** Told of each command with its answer. */
  readonly onAnswer: (received: ReceivedCommand, answer: Answer) => void
}

/** So many commands are carried out at once, and those of the last block; as many blocks wait at most, the rest in the sockets. */
const batchSize = 256

/** Settles when the connection has ended and what was taken from it is done. @throws what the store or the connection does */
export async function serve({ connection, executor, onAnswer }: ServedConnection): Promise<void> {
  const waiting: Uint8Array[] = []
  let working: Promise<void> | undefined
  let failure: { readonly error: unknown } | undefined
  let resume = () => {}

  async function work(): Promise<void> {
    try {
      while (waiting.length > 0) {
        // Blocks that have come too are read first: they are carried out in the same transaction.
        await others()
        const taken = take()
        resume()
        await carryOut(taken)
      }
    } catch (error) {
      failure = { error }
      // A client that does not hear of it is to ask again.
      await connection.close()
    } finally {
      // At once: a block that comes a moment later must begin anew.
      working = undefined
      resume()
    }
  }

  /** Answers share blocks; those that are there do not wait for a device's turn, nor are they lost with a later command. */
  async function carryOut(taken: readonly ReceivedCommand[]): Promise<void> {
    const answers: Answer[] = []
    let done = 0
    try {
      for await (const some of executor.execute(taken)) {
        for (const answer of some) onAnswer(taken[done++] as ReceivedCommand, answer)
        answers.push(...some)
        if (mayWait(taken[done])) await send(answers.splice(0))
        // A store that answers at once would carry all of them out before another connection has its turn.
        await others()
      }
    } catch (error) {
      await send(answers).catch(() => {})
      throw error
    }
    await send(answers)
  }

  function take(): ReceivedCommand[] {
    const commands: ReceivedCommand[] = []
    let blocks = 0
    while (blocks < waiting.length && commands.length < batchSize) {
      commands.push(...receiveCommands(connection.session, waiting[blocks++] as Uint8Array))
    }
    waiting.splice(0, blocks)
    return commands
  }

  async function send(answers: readonly Answer[]): Promise<void> {
    const { session } = connection
    const transmissions = answers.map((answer) => writeResponse(session, answer))
    for (const content of packResponses(session.version, transmissions)) await connection.send(content)
  }

  for await (const content of connection) {
    // The next block takes its place.
    waiting.push(new Uint8Array(content))
    working ??= work()
    while (waiting.length >= batchSize && working) {
      await new Promise<void>((resolve) => {
        resume = resolve
      })
    }
    if (failure) break
  }
  await working
  if (failure) throw failure.error
}

/** Whether the command names a device that is to be verified: of these there are only so many in a minute. */
const mayWait = (received: ReceivedCommand | undefined): boolean =>
  received !== undefined && 'command' in received && ['TNEW', 'TRPL'].includes(received.command.tag)
