// Spec 13, 31: what the agent tells, in words, and what follows.
import type { AgentEvent, EventOf } from '@smpkit/smp-agent'
import { type ChatMessage, contentToText, decodeBody, decodeInfo } from 'example-chat'
import type { Chat } from './chat.js'
import type { Contact } from './contacts.js'
import { marks, shortened, shownText } from './words.js'

/** Whatever is done here before the event is acknowledged may be done again after a crash. */
export async function onEvent(chat: Chat, event: AgentEvent): Promise<void> {
  if (await chat.notifications.handle(event)) return
  const { contacts } = chat
  const { connection } = event
  // An earlier run may have ended before it could write down whom it had begun to connect to.
  const isBeginning = event.type === 'confirmation' || event.type === 'info' || event.type === 'connected'
  const contact = contacts.get(connection) ?? (isBeginning && (await contacts.set(connection, { name: 'unknown' })))
  if (event.type === 'request') await onRequest(chat, event)
  else if (contact) await onContactEvent(chat, event, contact)
  // Who has deleted the contact gets no receipt any more.
  const isGone = contacts.get(connection)?.state === 'left'
  await event.ack(event.type === 'message' ? { receipt: !isGone } : {})
}

async function onRequest(chat: Chat, { requestId, info }: EventOf<'request'>): Promise<void> {
  const { name, text } = await decodeInfo(info)
  const { no } = await chat.contacts.addRequest(requestId, name)
  chat.note(`${name} asks to connect: /accept ${no} or /reject ${no}`)
  if (text) chat.print(`      ${shownText(text)}`)
}

async function onContactEvent(chat: Chat, event: AgentEvent, contact: Contact): Promise<void> {
  const { agent, contacts } = chat
  const { connection, name } = contact
  switch (event.type) {
    case 'confirmation': {
      const peer = await contacts.set(connection, { ...(await decodeInfo(event.info)), state: 'connecting' })
      chat.note(`${peer.name} has ${contact.state === 'invited' ? 'used your invitation' : 'accepted'}; connecting …`)
      await agent.allow(connection, chat.info())
      break
    }
    case 'info':
      await contacts.set(connection, { name: (await decodeInfo(event.info)).name })
      break
    case 'connected':
      await contacts.set(connection, { state: 'connected' })
      await chat.notifications.include(connection)
      chat.note(`${name} is connected`)
      if (chat.current?.state !== 'connected') {
        chat.note(`what you type goes to ${name} now`)
        chat.choose(connection)
      }
      break
    case 'message':
      await onMessage(chat, event, contact)
      break
    case 'sent':
      await mark(chat, event, contact, 'sent')
      break
    case 'receipt':
      if (event.status === 'received') await mark(chat, event, contact, 'received')
      else chat.warn(`${name} has got another text than you wrote`)
      break
    case 'notSent':
      await mark(chat, event, contact, 'failed')
      chat.warn(`it cannot be delivered to ${name}: ${event.reason} (${event.code})`)
      break
    case 'waiting':
      chat.note(`${name} has not fetched earlier messages: your last ones wait until there is room again`)
      break
    case 'failed':
      await contacts.set(connection, { state: 'failed' })
      chat.warn(`the connection with ${name} failed: ${event.reason} (${event.code}). /delete ${name} removes it`)
      break
    case 'error':
      if (contact.state !== 'left') chat.warn(`${name}: ${event.reason} (${event.code})`)
      break
    case 'synchronization':
      onSynchronization(chat, event, name)
      break
    case 'switch':
      onSwitch(chat, event, name)
      break
  }
  // The name may be another now.
  chat.showPrompt()
}

async function mark(
  chat: Chat,
  { connection, id }: AgentEvent,
  { name }: Contact,
  mark: 'sent' | 'received' | 'failed',
): Promise<void> {
  chat.sending.delete(`${connection} ${id}`)
  const entry = await chat.history.mark(connection, id, mark)
  const text = entry?.texts[0]?.text
  if (text === undefined) return
  const to = chat.current?.connection === connection ? '' : ` ${name}:`
  chat.print(chat.style.dim(`  ${marks[mark]}${to} ${shortened(text)}`))
}

async function onMessage(chat: Chat, event: EventOf<'message'>, contact: Contact): Promise<void> {
  const { connection, id } = event
  const { messages, ignored } = await decodeBody(event.body)
  const texts = messages.flatMap((message) =>
    message.event === 'x.msg.new' ? [{ msgId: message.msgId, text: contentToText(message.params.content) }] : [],
  )
  if (texts.length > 0) {
    const entry = { at: event.serverTs * 1000, texts }
    // One that is there was shown by an earlier run.
    const isNew = await chat.history.add(connection, id, entry)
    if (isNew && event.integrity !== 'OK') chat.warn(`messages of ${contact.name} before this one are missing`)
    if (isNew) chat.show(contact, entry)
  }
  for (const message of messages) await onChange(chat, message, contact)
  for (const problem of ignored) {
    if (problem.code !== 'EVENT') chat.warn(`a message of ${contact.name} cannot be read: ${problem.message}`)
  }
}

/** All but new texts. */
async function onChange(chat: Chat, message: ChatMessage, contact: Contact): Promise<void> {
  const { contacts, history } = chat
  const { connection } = contact
  switch (message.event) {
    case 'x.info': {
      const { name } = await contacts.set(connection, { name: message.params.profile.displayName })
      if (name !== contact.name) chat.note(`${contact.name} is called ${name} now`)
      break
    }
    case 'x.msg.update': {
      const text = contentToText(message.params.content)
      if (await history.change(connection, message.params.msgId, text)) {
        chat.print(`${chat.style.name(`${contact.name}:`)} ${shownText(text)} ${chat.style.dim('(changed)')}`)
      }
      break
    }
    case 'x.msg.del':
      if (await history.change(connection, message.params.msgId, null)) chat.note(`${contact.name} deleted a message`)
      break
    case 'x.direct.del':
      await contacts.set(connection, { state: 'left' })
      chat.note(`${contact.name} has deleted the contact with you. /delete ${contact.name} removes it here, too`)
      break
  }
}

function onSynchronization(chat: Chat, { state }: EventOf<'synchronization'>, name: string): void {
  if (state === 'ok') chat.note(`the encryption with ${name} is in step again`)
  else if (state === 'allowed' || state === 'required') {
    chat.warn(`the encryption with ${name} is out of step: /sync ${name} makes it anew`)
  } else chat.note(`the encryption with ${name} is being made anew …`)
}

function onSwitch(chat: Chat, { side, phase }: EventOf<'switch'>, name: string): void {
  const what = side === 'receive' ? `where you receive from ${name}` : `where ${name} receives from you`
  const words = {
    started: 'begins to move',
    confirmed: 'moves',
    secured: 'moves',
    completed: 'has moved',
    stopped: 'stays',
  }
  if (phase === 'started' || phase === 'completed' || phase === 'stopped') chat.note(`${what} ${words[phase]}`)
}
