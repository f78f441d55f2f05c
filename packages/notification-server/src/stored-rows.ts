// From the rows of the contract to those of the tables, and back.
import {
  type AnswerRow,
  type ClientRow,
  deviceKey,
  type NotificationRow,
  notificationPlace,
  type OutboxRow,
  type ServerRow,
  type SubscriptionRow,
  type TokenRow,
  type TombstoneRow,
  tokenDueAt,
} from './rows.js'
import type { Stored } from './tables.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export const utf8 = (text: string): Uint8Array => encoder.encode(text)

interface Mapping<R, S> {
  readonly stored: (row: R) => S
  readonly row: (stored: S) => R
}

const tokens: Mapping<TokenRow, Stored<'tokens'>> = {
  stored({ deviceToken, ...row }) {
    return { ...row, device: utf8(deviceKey(row.provider, deviceToken)), dueAt: tokenDueAt({ ...row, deviceToken }) }
  },
  row({ device, dueAt: _, ...row }) {
    return { ...row, deviceToken: decoder.decode(device).slice(deviceKey(row.provider, '').length) }
  },
}

const notifications: Mapping<NotificationRow, Stored<'notifications'>> = {
  stored: (row) => ({ ...row, text: utf8(row.text), place: notificationPlace(row) }),
  row: ({ place: _, ...row }) => ({ ...row, text: decoder.decode(row.text) }),
}

const answers: Mapping<AnswerRow, Stored<'answers'>> = {
  stored: (row) => ({ ...row, sent: row.state === 'sent' }),
  row: ({ sent: _, ...row }) => row,
}

const same = <R>(): Mapping<R, R> => ({ stored: (row) => row, row: (stored) => stored })

export const mappings = {
  tokens,
  subscriptions: same<SubscriptionRow>(),
  notifications,
  outbox: same<OutboxRow>(),
  servers: same<ServerRow>(),
  answers,
  clients: same<ClientRow>(),
  tombstones: same<TombstoneRow>(),
}
