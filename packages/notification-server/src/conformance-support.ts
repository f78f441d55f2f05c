// What the conformance suite works with: its own assertions, and rows made from a few values.
import { isDeepStrictEqual } from 'node:util'
import {
  type AnswerRow,
  answerId,
  type ClientRow,
  type DeadLetter,
  type NotificationRow,
  type OutboxRow,
  outboxId,
  type ServerRow,
  type SubscriptionRow,
  type TokenRow,
  type TombstoneRow,
} from './rows.js'
import type { Changes, NotificationStore } from './store.js'

/** What a test runner gives; vitest, `node:test` and mocha do. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown
  it(name: string, body: () => Promise<void>): unknown
}

/** A store that is empty, for one test. */
export interface StoreUnderTest {
  readonly store: NotificationStore
  /** What was written is there after `reopen`. */
  readonly durable: boolean
  /** Secrets are kept encrypted. */
  readonly encrypted: boolean
  /** Closes the store and opens again what it has kept: nothing, where it is not durable. */
  reopen(): Promise<NotificationStore>
  /** All that it has kept, as it lies on the disk. Without it, encryption is not tested. */
  stored?(): Promise<Uint8Array>
  /** Closes what is open and removes what was kept. */
  remove(): Promise<void>
}

/** Defines a test that has a store of its own. */
export type StoreTest = (name: string, body: (test: StoreUnderTest) => Promise<void>) => void

export function storeTests({ it }: TestRunner, open: () => Promise<StoreUnderTest>): StoreTest {
  return (name, body) => {
    it(name, async () => {
      const test = await open()
      try {
        await body(test)
      } finally {
        await test.remove()
      }
    })
  }
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 2000) ?? String(value)

export function equal(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: expected ${shown(expected)}, got ${shown(actual)}`)
  }
}

export async function failure(promise: Promise<unknown>, what: string): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error(`${what}: expected it to be rejected, and it was not`)
}

export const write = (store: NotificationStore, changes: Changes): Promise<void> =>
  store.atomic({}, () => ({ changes, result: undefined }))

export const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id).sort()

/** Bytes that differ by the text. */
export const bytesOf = (text: string, length = 32): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (text.charCodeAt(i % Math.max(text.length, 1)) || 0) + i * 7)

export const token = (id: string, change: Partial<TokenRow> = {}): TokenRow => ({
  id,
  owner: 'owner',
  provider: 'fake',
  deviceToken: `device of ${id}`,
  status: 'active',
  reason: null,
  clientKey: bytesOf(`client ${id}`),
  serverKey: bytesOf(`server ${id}`),
  secret: bytesOf(`secret ${id}`),
  code: bytesOf(`code ${id}`),
  triesLeft: 3,
  registeredAt: 1,
  updatedAt: 2,
  usedAt: 3,
  periodMinutes: 0,
  checkSentAt: null,
  periodicAt: null,
  expiresAt: 1000,
  ntf: false,
  ...change,
})

export const subscription = (id: string, change: Partial<SubscriptionRow> = {}): SubscriptionRow => ({
  id,
  owner: 'owner',
  token: 'token',
  server: 'server',
  address: 'smp://server',
  notifierId: bytesOf(`notifier ${id}`, 24),
  notifierKey: bytesOf(`key ${id}`, 48),
  status: 'active',
  reason: null,
  updatedAt: 0,
  byService: false,
  awaited: false,
  endedAt: null,
  retries: 0,
  nextAt: 10,
  ...change,
})

export const notification = (id: string, seq: number, token = 'token', sent = false): NotificationRow => ({
  subscription: id,
  token,
  seq,
  text: `item ${seq} of ${id}`,
  sent,
})

export const owed = (token: string, change: Partial<OutboxRow> = {}): OutboxRow => ({
  id: outboxId(token, change.kind ?? 'check'),
  token,
  kind: 'check',
  provider: 'fake',
  createdAt: 1,
  dueAt: 2,
  attempts: 0,
  reason: null,
  ...change,
})

export const server = (key: string, change: Partial<ServerRow> = {}): ServerRow => ({
  key,
  address: `smp://${key}`,
  checkOwed: false,
  up: true,
  changedAt: null,
  reason: null,
  serviceCertificate: null,
  serviceKey: null,
  serviceId: null,
  ...change,
})

export const answer = (requestId: string, change: Partial<AnswerRow> = {}): AnswerRow => ({
  id: answerId(change.owner ?? 'owner', requestId),
  owner: 'owner',
  hash: bytesOf(`hash ${requestId}`),
  at: 1,
  state: 'owed',
  kept: true,
  body: bytesOf(`body ${requestId}`, 100),
  ...change,
})

export const client = (owner: string, change: Partial<ClientRow> = {}): ClientRow => ({
  owner,
  createdAt: 1,
  checkAt: 2,
  idleSince: null,
  newServers: 0,
  newServersSince: 0,
  ...change,
})

export const tombstone = (id: string, at = 1): TombstoneRow => ({ id, owner: 'owner', at })

export const deadLetter = (at: number): DeadLetter => ({
  at,
  token: 'token',
  provider: 'fake',
  kind: 'check',
  attempts: 1,
  reason: 'gone',
})
