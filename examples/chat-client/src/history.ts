// What was written, as the program remembers it: each message once, by its number in the connection.
import type { Archive, Records } from 'example-chat'
import type { Mark } from './words.js'

/** What came or went in one message of the agent. */
export interface Entry {
  readonly at: number
  /** Of a message of ours. */
  readonly mark?: Mark
  /** A peer may put several texts into one message. */
  readonly texts: readonly { readonly msgId: string; readonly text: string }[]
}

/** How far back a text is looked for that a peer changes. */
const reach = 500

export class History {
  readonly #entries: Records<Entry>

  constructor(archive: Archive) {
    this.#entries = archive.records('messages')
  }

  /** `false` if it is there already: it was shown. */
  add(connection: string, id: number, entry: Entry): Promise<boolean> {
    return this.#entries.insert(connection, id, entry)
  }

  /** The message with its new mark; nothing for what is unknown, or had come further. */
  async mark(connection: string, id: number, mark: Mark): Promise<Entry | undefined> {
    const former = await this.#entries.get(connection, id)
    if (!former?.mark || former.mark === mark || former.mark === 'received') return undefined
    const entry = { ...former, mark }
    await this.#entries.put(connection, id, entry)
    return entry
  }

  /** A peer changes a text (`null`: deletes it). Whether it is one that the peer wrote. */
  async change(connection: string, msgId: string, text: string | null): Promise<boolean> {
    for (const { no, value } of await this.#entries.list({ owner: connection, last: reach })) {
      if (value.mark !== undefined || !value.texts.some((one) => one.msgId === msgId)) continue
      const texts = value.texts.flatMap((one) => (one.msgId !== msgId ? [one] : text === null ? [] : [{ msgId, text }]))
      await this.#entries.put(connection, no, { ...value, texts })
      return true
    }
    return false
  }

  async last(connection: string, count: number): Promise<readonly Entry[]> {
    return (await this.#entries.list({ owner: connection, last: count })).map(({ value }) => value)
  }

  async remove(connection: string): Promise<void> {
    for (const { no } of await this.#entries.list({ owner: connection })) await this.#entries.remove(connection, no)
  }
}
