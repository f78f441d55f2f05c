// What the user can type.

import { parseLink } from '@smpkit/smp-agent/links'
import { ChatError, describeError, encodeContactInfo, linkForTerminal, openAddress, readName } from 'example-chat'
import type { Chat } from './chat.js'
import { type Contact, wordsOf } from './contacts.js'
import { onNotifications } from './notification-command.js'
import { Refusal } from './refusal.js'
import { helpText, shortened } from './words.js'

type Command = (chat: Chat, argument: string, signal: AbortSignal) => Promise<void>

const commands: Readonly<Record<string, Command>> = {
  help: async (chat) => chat.print(helpText),
  invite,
  address: showAddress,
  join,
  contacts: list,
  list,
  requests: list,
  accept,
  reject,
  chat: choose,
  history: showHistory,
  name: rename,
  sync: async (chat, name) => {
    await chat.agent.synchronize(contactOf(chat, name).connection)
    chat.note('the encryption is being made anew …')
  },
  switch: async (chat, name) => {
    await chat.agent.switchQueue(contactOf(chat, name).connection)
  },
  delete: remove,
  notifications: onNotifications,
}

/** Names of commands that TAB completes. */
export const commandNames: readonly string[] = [...Object.keys(commands), 'quit'].map((name) => `/${name}`)

/** Carries out a line; tells what does not work. `'quit'` if the program is to end. */
export async function onLine(chat: Chat, line: string, signal: AbortSignal): Promise<'quit' | undefined> {
  const text = line.trim()
  const [, word = '', argument = ''] = /^\/(\w+)\s*(.*)$/s.exec(text) ?? []
  if (word === 'quit' || word === 'exit' || word === 'q') return 'quit'
  try {
    const command = commands[word]
    if (command && Object.hasOwn(commands, word)) await command(chat, argument, signal)
    else if (/^\/(?!\/)/.test(text)) throw new Refusal(`unknown command /${word}: /help lists them`)
    else if (text !== '') await write(chat, text.replace(/^\/\//, '/'))
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Refusal) chat.warn(error.message)
    else chat.warn(inWords(error))
  }
  return undefined
}

function inWords(error: unknown): string {
  const isTooLong = error instanceof ChatError || (error as { code?: unknown }).code === 'LARGE'
  return isTooLong ? 'that is too long for one message' : describeError(error)
}

function contactOf(chat: Chat, typed: string): Contact {
  const contact = typed === '' ? chat.current : chat.contacts.find(typed)
  if (contact) return contact
  throw new Refusal(
    typed === ''
      ? 'with whom? /contacts lists their names'
      : `no contact of the name ${shortened(typed)}: /contacts lists them`,
  )
}

async function write(chat: Chat, text: string): Promise<void> {
  const [, name, rest] = /^@(\S+)\s+(.+)$/s.exec(text) ?? []
  const contact = name === undefined ? chat.current : contactOf(chat, name)
  if (!contact) throw new Refusal('to whom? /chat NAME chooses, /contacts lists them, /invite or /join makes one')
  if (contact.state !== 'connected') throw new Refusal(`${contact.name} is not connected: ${wordsOf(contact)}`)
  await chat.inTurn(() => chat.write(contact, rest ?? text))
}

function showLink(
  chat: Chat,
  title: string,
  { link, shortLink }: { link: string; shortLink: string | null },
  argument: string,
) {
  const shown = argument === 'full' ? link : (shortLink ?? link)
  chat.print(`${title}\n${linkForTerminal(shown, chat.screen.columns)}`)
}

async function invite(chat: Chat, argument: string, signal: AbortSignal): Promise<void> {
  const created = await chat.agent.createInvitation({ short: true, signal }).catch((error: { temporary?: boolean }) => {
    // A server without short links. What may pass is told.
    if (error.temporary || signal.aborted) throw error
    return chat.agent.createInvitation({ signal })
  })
  const { name } = await chat.inTurn(() =>
    chat.contacts.set(created.connection, { name: 'invitation', state: 'invited' }),
  )
  showLink(chat, `For one person (${name} in your contacts until it is used):`, created, argument)
}

async function showAddress(chat: Chat, argument: string, signal: AbortSignal): Promise<void> {
  showLink(
    chat,
    'Your contact address, for anybody:',
    await openAddress(chat.agent, chat.archive, { signal }),
    argument,
  )
}

async function join(chat: Chat, link: string, signal: AbortSignal): Promise<void> {
  if (link === '') throw new Refusal('/join needs the link of an invitation or an address')
  const isAddress = parseLink(link).type === 'contact'
  const { request } = await chat.agent.resolve(link, { signal })
  const info = isAddress ? encodeContactInfo(chat.name) : chat.info()
  const { name } = await chat.inTurn(async () => {
    const connection = await chat.agent.join(request, { info })
    return chat.contacts.set(
      connection,
      isAddress ? { name: 'address', state: 'asked' } : { name: 'inviter', state: 'connecting' },
    )
  })
  chat.note(isAddress ? `asked; waiting to be accepted (${name} in your contacts until then)` : 'connecting …')
}

async function list(chat: Chat): Promise<void> {
  const { contacts, style } = chat
  for (const contact of contacts.all()) {
    const sign = contact === chat.current ? '*' : ' '
    const words = wordsOf(contact)
    chat.print(`${sign} ${style.name(contact.name)}${words && style.dim(`  ${words}`)}`)
  }
  for (const { no, name } of contacts.requests())
    chat.print(`? ${name} asks to connect: /accept ${no} or /reject ${no}`)
  if (contacts.all().length + contacts.requests().length === 0) chat.print('  nobody yet: /invite, /address or /join')
}

function requestOf(chat: Chat, typed: string) {
  const requests = chat.contacts.requests()
  if (requests.length === 0) throw new Refusal('nobody asks to connect')
  if (typed === '' && requests.length > 1) throw new Refusal('whom? /contacts lists who asks, with numbers')
  const request = typed === '' ? requests[0] : requests.find(({ no, name }) => String(no) === typed || name === typed)
  if (!request) throw new Refusal(`nobody asks with the number ${shortened(typed)}`)
  return request
}

async function accept(chat: Chat, typed: string): Promise<void> {
  const request = requestOf(chat, typed)
  const { name } = await chat.inTurn(async () => {
    const connection = await chat.agent.accept(request.requestId, { info: chat.info() })
    // It is there already if an earlier run ended right here.
    const state = chat.contacts.get(connection)?.state ?? 'connecting'
    const contact = await chat.contacts.set(connection, { name: request.name, state })
    await chat.contacts.removeRequest(request)
    return contact
  })
  chat.note(`${name} is accepted; connecting …`)
}

async function reject(chat: Chat, typed: string): Promise<void> {
  const request = requestOf(chat, typed)
  await chat.agent.reject(request.requestId)
  await chat.contacts.removeRequest(request)
  chat.note(`${request.name} is not let in`)
}

async function choose(chat: Chat, name: string): Promise<void> {
  const contact = contactOf(chat, name)
  chat.choose(contact.connection)
  await showHistory(chat, '')
  const words = wordsOf(contact)
  if (words) chat.note(`${contact.name}: ${words}`)
}

async function showHistory(chat: Chat, typed: string): Promise<void> {
  const contact = contactOf(chat, '')
  const count = typed === '' ? 10 : Number(typed)
  if (!Number.isInteger(count) || count < 1 || count > 10_000)
    throw new Refusal('/history takes a number from 1 to 10000')
  const entries = await chat.history.last(contact.connection, count)
  if (entries.length === 0) chat.note(`nothing was written with ${contact.name} yet`)
  for (const entry of entries) chat.show(contact, entry)
}

async function rename(chat: Chat, name: string): Promise<void> {
  await chat.inTurn(() => chat.rename(readName(name)))
  chat.note(`you are ${chat.name} now`)
}

async function remove(chat: Chat, name: string): Promise<void> {
  if (name === '') throw new Refusal('/delete needs the name: /contacts lists them')
  const contact = contactOf(chat, name)
  const { connection, state } = contact
  await chat.inTurn(async () => {
    if (state === 'connected') await chat.send(contact, { event: 'x.direct.del', msgId: null, params: {} })
    await chat.agent.deleteConnection(connection, { waitForDelivery: state === 'connected' })
    await chat.contacts.remove(connection)
    await chat.history.remove(connection)
    if (!chat.current) chat.choose(undefined)
  })
  chat.note(`${contact.name} is deleted`)
}
