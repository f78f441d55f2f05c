// What commands and events work on: whom we know, what was written, and whom we write to.
import type { SmpAgent } from '@smpkit/smp-agent'
import {
  type AgentProgram,
  type Archive,
  bodyLimits,
  encodeInfo,
  encodeMessage,
  newMessageId,
  type OutgoingMessage,
  wantsNotification,
} from 'example-chat'
import { type Contact, Contacts } from './contacts.js'
import { type Entry, History } from './history.js'
import { Notifications } from './notifications.js'
import type { Screen } from './screen.js'
import { marks, type Style, shownText, timeOf } from './words.js'

export class Chat {
  readonly agent: SmpAgent
  readonly archive: Archive
  readonly contacts: Contacts
  readonly history: History
  readonly notifications: Notifications
  readonly screen: Screen
  readonly style: Style
  /** Our messages that the server does not have yet. */
  readonly sending = new Set<string>()
  #name: string
  #current: string | undefined
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(program: AgentProgram, screen: Screen, style: Style, name: string, contacts: Contacts) {
    this.agent = program.agent
    this.archive = program.archive
    this.contacts = contacts
    this.history = new History(program.archive)
    this.screen = screen
    this.style = style
    this.#name = name
    this.notifications = new Notifications(this)
  }

  /** `name`: how the user wants to be called; `null`: as before, or as `ask` tells. */
  static async open(
    program: AgentProgram,
    { screen, style, name, ask }: { screen: Screen; style: Style; name: string | null; ask: () => Promise<string> },
  ): Promise<Chat> {
    const names = program.archive.records<string>('name')
    const former = await names.get('')
    const own = former ?? name ?? (await ask())
    if (former === undefined) await names.put('', 0, own)
    const chat = new Chat(program, screen, style, own, await Contacts.open(program.archive))
    await chat.notifications.restore()
    if (name !== null && name !== own) await chat.rename(name)
    return chat
  }

  get name(): string {
    return this.#name
  }

  get current(): Contact | undefined {
    return this.#current === undefined ? undefined : this.contacts.get(this.#current)
  }

  /** Steps of commands and events, one at a time: what one writes the next one knows. */
  inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(step)
    this.#turn = turn.catch(() => {})
    return turn
  }

  print(text: string): void {
    this.screen.print(text)
  }

  /** What happens, other than messages. */
  note(text: string): void {
    this.print(this.style.dim(`— ${text}`))
  }

  warn(text: string): void {
    this.print(this.style.warn(`! ${text}`))
  }

  choose(connection: string | undefined): void {
    this.#current = connection
    this.showPrompt()
  }

  showPrompt(): void {
    const { current } = this
    this.screen.prompt(current ? `${current.name}> ` : '> ')
  }

  /** One line, or several. */
  show(contact: Contact, { at, mark, texts }: Entry): void {
    const { style } = this
    const who = mark === undefined ? style.name(`${contact.name}:`) : style.bold('you:')
    for (const { text } of texts) {
      const end = mark === undefined ? '' : ` ${style.dim(marks[mark])}`
      this.print(`${style.dim(timeOf(at, Date.now()))} ${who} ${shownText(text)}${end}`)
    }
  }

  async send(contact: Contact, message: OutgoingMessage): Promise<number> {
    // The agent knows which limit the connection has.
    const body = encodeMessage(message, bodyLimits.message.plain)
    return this.agent.send(contact.connection, body, { notification: wantsNotification(message.event) })
  }

  /** @throws RequestError, ChatError */
  async write(contact: Contact, text: string): Promise<void> {
    const msgId = newMessageId()
    const id = await this.send(contact, { event: 'x.msg.new', msgId, params: { content: { type: 'text', text } } })
    this.sending.add(`${contact.connection} ${id}`)
    await this.history.add(contact.connection, id, { at: Date.now(), mark: 'queued', texts: [{ msgId, text }] })
  }

  /** Contacts are told. */
  async rename(name: string): Promise<void> {
    this.#name = name
    await this.archive.records<string>('name').put('', 0, name)
    for (const contact of this.contacts.all()) {
      if (contact.state !== 'connected') continue
      const profile = { displayName: name, fullName: '' }
      await this.send(contact, { event: 'x.info', msgId: null, params: { profile } }).catch((error: Error) => {
        this.warn(`${contact.name} cannot be told: ${error.message}`)
      })
    }
  }

  info(): Uint8Array {
    return encodeInfo(this.#name)
  }
}
