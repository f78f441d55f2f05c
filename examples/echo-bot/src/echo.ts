// Spec 31, from the side of a bot: who connects is accepted, and what they write comes back.
import { type AgentEvent, type EventOf, RequestError } from '@smpkit/smp-agent'
import {
  type AgentProgram,
  ChatError,
  type ChatMessage,
  contentToText,
  decodeBody,
  decodeInfo,
  eachEvent,
  encodeInfo,
  encodeText,
  type Records,
  type Running,
  shownName,
  wantsNotification,
} from 'example-chat'

interface Bot extends AgentProgram, Running {
  readonly name: string
  /** Peers' names, by connection. */
  readonly names: Records<string>
}

/** Until the signal ends it. */
export function echo(program: AgentProgram, running: Running, name: string): Promise<void> {
  const bot: Bot = { ...program, ...running, name, names: program.archive.records<string>('names') }
  return eachEvent(program, running, async (event) => {
    await handle(bot, event)
    return undefined
  })
}

/** What is done before the event is acknowledged is done again, if the bot is stopped in between: at worst it answers a message twice. */
async function handle(bot: Bot, event: AgentEvent): Promise<void> {
  const { agent, log } = bot
  const { connection } = event
  const name = async () => (await bot.names.get(connection)) ?? 'unknown'
  switch (event.type) {
    case 'request': {
      const { name } = await decodeInfo(event.info)
      const accepted = await agent.accept(event.requestId, { info: encodeInfo(bot.name) })
      await bot.names.put(accepted, 0, name)
      log(`${name} asks to connect: accepted`)
      break
    }
    case 'info':
      await bot.names.put(connection, 0, (await decodeInfo(event.info)).name)
      break
    case 'connected':
      log(`${await name()} is connected`)
      break
    case 'message':
      return onMessage(bot, event, await name())
    case 'synchronization':
      if (event.state === 'allowed' || event.state === 'required') {
        log(`${await name()}: the encryption has to be made anew (${event.state})`)
        await agent.synchronize(connection)
      }
      break
    case 'failed':
      log(`${await name()}: the connection failed: ${event.code}: ${event.reason}`)
      await forget(bot, connection)
      break
    case 'notSent':
    case 'waiting':
    case 'error':
      log(`${await name()}: ${event.code}: ${event.reason}`)
      break
  }
  await event.ack()
}

async function onMessage(bot: Bot, event: EventOf<'message'>, name: string): Promise<void> {
  const { messages, ignored } = await decodeBody(event.body)
  if (event.integrity !== 'OK') bot.log(`${name}: messages are missing or repeated: ${event.integrity}`)
  for (const problem of ignored) bot.log(`${name}: a message was ignored: ${problem.message}`)
  for (const message of messages) {
    if (message.event === 'x.direct.del') {
      bot.log(`${name} has left`)
      await forget(bot, event.connection)
      await event.ack()
      return
    }
    await onChatMessage(bot, event.connection, message)
  }
  await event.ack({ receipt: true })
}

async function onChatMessage(bot: Bot, connection: string, message: ChatMessage): Promise<void> {
  if (message.event === 'x.info') {
    await bot.names.put(connection, 0, shownName(message.params.profile.displayName))
  } else if (message.event === 'x.msg.new') {
    await answer(bot, connection, contentToText(message.params.content))
  }
}

const tooLong = 'Your text is too long to come back.'

async function answer({ agent, log }: Bot, connection: string, text: string): Promise<void> {
  const send = async (text: string) => {
    await agent.send(connection, encodeText(text), { notification: wantsNotification('x.msg.new') })
  }
  try {
    await send(text)
  } catch (error) {
    if (!(error instanceof RequestError || error instanceof ChatError) || error.code === 'CLOSED') throw error
    // Peers can compress, we do not.
    if (error.code === 'LARGE') return send(tooLong)
    log(`an answer cannot be sent: ${error.message}`)
  }
}

/** The peer is there no more. */
async function forget({ agent, names }: Bot, connection: string): Promise<void> {
  await names.remove(connection)
  await agent.deleteConnection(connection).catch((error: unknown) => {
    if (!(error instanceof RequestError && error.code === 'NOT_FOUND')) throw error
  })
}
