// Spec 30 §5, §6; design.md §5: how the rows of the contract lie in tables. Times are in milliseconds.
import {
  bool,
  bytes,
  int,
  lookup,
  nullable,
  type RowOf,
  type Schema,
  secret,
  table,
  text,
} from '@smpkit/agent-store/internal'
import type { PushKind } from '@smpkit/push-providers'
import { migration as first } from './migrations/001-notification.js'
import { migration as ntf } from './migrations/002-ntf.js'
import type { AnswerRow, SubscriptionRow, TokenRow } from './rows.js'

export const tables = {
  tokens: table({
    columns: {
      id: text(),
      owner: text(),
      provider: text(),
      /** `deviceKey` in UTF-8: the provider and the device token. */
      device: lookup,
      status: text<TokenRow['status']>(),
      reason: nullable(text()),
      clientKey: bytes,
      serverKey: secret,
      secret: secret,
      code: secret,
      triesLeft: int,
      registeredAt: int,
      updatedAt: int,
      usedAt: int,
      periodMinutes: int,
      checkSentAt: nullable(int),
      periodicAt: nullable(int),
      expiresAt: int,
      ntf: bool,
      /** `tokenDueAt` */
      dueAt: int,
    },
    key: ['id'],
    indexes: { byOwner: ['owner'], byDevice: ['device'] },
    ordered: { due: ['dueAt'] },
  }),

  subscriptions: table({
    columns: {
      id: text(),
      owner: text(),
      token: text(),
      server: text(),
      address: text(),
      notifierId: lookup,
      notifierKey: secret,
      status: text<SubscriptionRow['status']>(),
      reason: nullable(text()),
      updatedAt: int,
      byService: bool,
      awaited: bool,
      endedAt: nullable(int),
      retries: int,
      nextAt: nullable(int),
    },
    key: ['id'],
    indexes: { byOwner: ['owner'], byToken: ['token'], byServer: ['server'], byQueue: ['server', 'notifierId'] },
    ordered: { due: ['nextAt'] },
    unique: ['byQueue'],
  }),

  notifications: table({
    columns: {
      subscription: text(),
      token: text(),
      seq: int,
      /** In UTF-8. It names the queue. */
      text: secret,
      sent: bool,
      /** `notificationPlace` */
      place: int,
    },
    key: ['subscription'],
    indexes: { byToken: ['token'] },
    ordered: { placed: ['token', 'place'] },
  }),

  outbox: table({
    columns: {
      id: text(),
      token: text(),
      kind: text<PushKind>(),
      provider: text(),
      createdAt: int,
      dueAt: int,
      attempts: int,
      reason: nullable(text()),
    },
    key: ['id'],
    indexes: {},
  }),

  servers: table({
    columns: {
      key: text(),
      address: text(),
      checkOwed: bool,
      up: bool,
      changedAt: nullable(int),
      reason: nullable(text()),
      serviceCertificate: nullable(bytes),
      serviceKey: nullable(secret),
      serviceId: nullable(bytes),
    },
    key: ['key'],
    indexes: {},
  }),

  answers: table({
    columns: {
      id: text(),
      owner: text(),
      hash: bytes,
      at: int,
      state: text<AnswerRow['state']>(),
      kept: bool,
      body: secret,
      /** Whether `state` is `sent`. */
      sent: bool,
    },
    key: ['id'],
    indexes: { byOwner: ['owner'], bySent: ['sent'] },
    ordered: { due: ['sent', 'at'] },
  }),

  clients: table({
    columns: {
      owner: text(),
      createdAt: int,
      checkAt: int,
      idleSince: nullable(int),
      newServers: int,
      newServersSince: int,
    },
    key: ['owner'],
    indexes: {},
    ordered: { due: ['checkAt'] },
  }),

  tombstones: table({
    columns: { id: text(), owner: text(), at: int },
    key: ['id'],
    indexes: { byOwner: ['owner'] },
    ordered: { due: ['at'] },
  }),

  /** A ring: each letter takes the place of one that is much older. */
  deadLetters: table({
    columns: {
      slot: int,
      letterNo: int,
      at: int,
      token: text(),
      provider: text(),
      kind: text<PushKind>(),
      attempts: int,
      reason: text(),
    },
    key: ['slot'],
    indexes: {},
  }),

  /** `clean`: whether the server stopped orderly. */
  state: table({ columns: { name: text<'clean'>(), value: text<'yes' | 'no'>() }, key: ['name'], indexes: {} }),
} as const

export type Tables = typeof tables
export type TableName = keyof Tables
export type Stored<N extends TableName> = RowOf<Tables[N]>

export const schema: Schema<Tables> = {
  name: 'notification',
  // `smpn`
  lock: 0x736d706e,
  tables,
  migrations: [first, ntf],
  // What came after the copy was made is not known: everybody is owed a check-messages push, as after a crash.
  onRestore: [
    "INSERT INTO notification_state (name, value) VALUES ('clean', 'no') ON CONFLICT (name) DO UPDATE SET value = 'no'",
  ],
}
