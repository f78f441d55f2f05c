// Whom we know, as the program remembers them.
import { type Archive, type Records, shownName } from 'example-chat'

export type ContactState = 'invited' | 'asked' | 'connecting' | 'connected' | 'left' | 'failed'

export interface Contact {
  readonly connection: string
  /** No white space; unlike all others. */
  readonly name: string
  readonly state: ContactState
  readonly createdAt: number
}

/** Somebody who asks at our address. */
export interface Request {
  readonly requestId: string
  readonly no: number
  readonly name: string
}

const states: Readonly<Record<ContactState, string>> = {
  invited: 'nobody has used the invitation yet',
  asked: 'has not accepted yet',
  connecting: 'connecting …',
  connected: '',
  left: 'has deleted the contact',
  failed: 'the connection failed',
}

export const wordsOf = ({ state }: Contact): string => states[state]

export class Contacts {
  readonly #stored: Records<Contact>
  readonly #storedRequests: Records<Request>
  readonly #contacts = new Map<string, Contact>()
  readonly #requests = new Map<string, Request>()

  private constructor(archive: Archive) {
    this.#stored = archive.records('contacts')
    this.#storedRequests = archive.records('requests')
  }

  static async open(archive: Archive): Promise<Contacts> {
    const contacts = new Contacts(archive)
    for (const { value } of await contacts.#stored.list()) contacts.#contacts.set(value.connection, value)
    for (const { value } of await contacts.#storedRequests.list()) contacts.#requests.set(value.requestId, value)
    return contacts
  }

  all(): readonly Contact[] {
    return [...this.#contacts.values()].sort((a, b) => a.createdAt - b.createdAt)
  }

  get(connection: string): Contact | undefined {
    return this.#contacts.get(connection)
  }

  /** By a name as it is typed: the whole of it, or a beginning that only one has. */
  find(typed: string): Contact | undefined {
    const name = typed.replace(/^@/, '').toLowerCase()
    if (name === '') return undefined
    const all = this.all()
    const beginning = all.filter((contact) => contact.name.toLowerCase().startsWith(name))
    return (
      all.find((contact) => contact.name.toLowerCase() === name) ?? (beginning.length === 1 ? beginning[0] : undefined)
    )
  }

  /** A contact that is there already gets what is given. */
  async set(connection: string, { name, ...changes }: { name?: string; state?: ContactState }): Promise<Contact> {
    const former = this.get(connection) ?? { connection, name: '', state: 'connecting' as const, createdAt: Date.now() }
    const contact = { ...former, ...changes, name: name === undefined ? former.name : this.#freeName(name, connection) }
    this.#contacts.set(connection, contact)
    await this.#stored.put(connection, 0, contact)
    return contact
  }

  async remove(connection: string): Promise<void> {
    this.#contacts.delete(connection)
    await this.#stored.remove(connection)
  }

  #freeName(wanted: string, connection: string): string {
    const name = shownName(wanted).replace(/\s+/g, '_')
    const taken = new Set(this.all().flatMap((one) => (one.connection === connection ? [] : [one.name.toLowerCase()])))
    for (let no = 1; ; no++) {
      const free = no === 1 ? name : `${name}_${no}`
      if (!taken.has(free.toLowerCase())) return free
    }
  }

  requests(): readonly Request[] {
    return [...this.#requests.values()].sort((a, b) => a.no - b.no)
  }

  /** The same for a request that was added before. */
  async addRequest(requestId: string, name: string): Promise<Request> {
    const known = this.#requests.get(requestId)
    if (known) return known
    const request = { requestId, no: (this.requests().at(-1)?.no ?? 0) + 1, name }
    this.#requests.set(requestId, request)
    await this.#storedRequests.put(requestId, 0, request)
    return request
  }

  async removeRequest({ requestId }: Request): Promise<void> {
    this.#requests.delete(requestId)
    await this.#storedRequests.remove(requestId)
  }
}
