import type { Notebook } from './notebook.mjs'

export type StorageOf =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly schema: string }

export type Role = 'inviter' | 'shortInviter' | 'joiner' | 'owner' | 'shortOwner' | 'guest' | 'chatter'
/** See `actions.mjs`. */
export type Action =
  | 'tell'
  | 'listen'
  | 'talk'
  | 'rotate'
  | 'follow'
  | 'synchronize'
  | 'agree'
  | 'remove'
  | 'part'
  | 'notify'
  | 'notifyNoMore'
  | 'wake'
  | 'unlink'

/** Plain values: a process of its own can be told them. */
export interface Job {
  readonly name: string
  readonly role: Role
  readonly storage: StorageOf
  readonly bookFile: string
  readonly servers: readonly string[]
  /** To join. */
  readonly link?: string
  /** What it does in each connection. */
  readonly actions: readonly Action[]
  /** In how many all has to be done. Default: 1. */
  readonly connections?: number
  /** Of a `chatter`: names of the links that it makes, and those that it joins. */
  readonly invites?: readonly string[]
  readonly joins?: readonly { readonly key: string; readonly link: string }[]
  /** Texts that it sends in each connection. */
  readonly count: number
  /** Whether it subscribes. Default: `true`. */
  readonly subscribe?: boolean
  /** Whether it sends receipts. Default: `true`. */
  readonly receipts?: boolean
  /** Acknowledges before it has stored: a mistake that the tests have to notice. */
  readonly careless?: boolean
}

export interface Summary {
  /** What came in each connection, in order. */
  readonly texts: readonly (readonly string[])[]
  /** `<connection> <n>` of texts that may have been sent twice. */
  readonly again: readonly string[]
  readonly written: readonly object[]
  readonly problems: readonly string[]
}

export interface Hooks {
  readonly onLink?: (link: string) => void
  readonly onDone?: () => void
}

export class Party {
  static open(job: Job, hooks?: Hooks): Promise<Party>
  readonly book: Notebook
  act(actions: readonly Action[]): void
  isDone(): boolean
  isQuiet(): Promise<boolean>
  close(): Promise<void>
}
