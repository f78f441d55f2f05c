// Spec 13 §13.1, §13.13: what an agent keeps. Times are milliseconds since 1970 unless said otherwise.
import { bool, bytes, int, type KeyOf, lookup, nullable, type RowOf, secret, table, text } from './table.js'

export type ConnectionMode = 'invitation' | 'contact'
/** Spec 10 §10.9. `restored`: as `required`, after a backup was restored; its sending chain must not encrypt again, whatever it decrypts. */
export type Synchronization = 'ok' | 'allowed' | 'required' | 'started' | 'agreed' | 'restored'
export type Deletion = 'no' | 'now' | 'afterDelivery'
export type QueueStatus = 'new' | 'confirmed' | 'secured' | 'active'
/** Spec 13 §13.8; `none` where the queue is not being replaced. */
export type ReceiveSwitch = 'none' | 'started' | 'sendingQadd' | 'sendingQuse' | 'receivedMessage'
export type SendSwitch = 'none' | 'sendingQkey' | 'sendingQtest'
/** Of a message that was sent: `received` and `badHash` are what its receipt told. */
export type MessageStatus = 'queued' | 'sent' | 'failed' | 'received' | 'badHash'

export const tables = {
  connections: table({
    columns: {
      /** 12 random bytes. */
      connId: bytes,
      mode: text<ConnectionMode>(),
      /** Connections of different users never share a session with a server. */
      userId: text(),
      agentVersion: int,
      pqSupport: bool,
      notifications: bool,
      synchronization: text<Synchronization>(),
      deletion: text<Deletion>(),
      /** 0 until it is. */
      deletedAt: int,
      /** The last internal id, of messages in both directions. */
      lastMessageId: int,
      /** The last `snd-msg-id` given out (11 §11.5.2), and the hash of what had it. */
      lastSentId: int,
      lastSentHash: bytes,
      /** The last `snd-msg-id` of the peer (any 64-bit number, in decimal), and the hash of what had it. */
      lastReceivedId: text(),
      lastReceivedHash: bytes,
      createdAt: int,
    },
    key: ['connId'],
    indexes: { byDeletion: ['deletion'], bySynchronization: ['synchronization'] },
  }),

  receiveQueues: table({
    columns: {
      connId: bytes,
      /** 1, 2, … within the connection. */
      queueNo: int,
      /** `smp://…`, with the key hash. */
      server: text(),
      recipientId: lookup,
      senderId: bytes,
      recipientKey: secret,
      /** Shared with the server, for bodies: from the DH keys of `NEW` and `IDS`. */
      bodySecret: secret,
      /** Our private key for the `dh` of the queue's address. */
      dhKey: secret,
      /** Shared with the sender, once there is one. */
      e2eSecret: nullable(secret),
      status: text<QueueStatus>(),
      isPrimary: bool,
      /** The `queueNo` that it replaces. */
      replaces: nullable(int),
      switchStatus: text<ReceiveSwitch>(),
      clientVersion: int,
      /** Unknown where its address did not say it. */
      queueMode: nullable(text<'messaging' | 'contact'>()),
      /** To be deleted on the server. */
      deleted: bool,
      deleteErrors: int,
      /** The server's time of the last message, in seconds since 1970. */
      lastMessageTs: int,
      linkId: nullable(lookup),
      linkKey: nullable(secret),
      linkSigningKey: nullable(secret),
      linkFixedData: nullable(secret),
      notifierId: nullable(lookup),
      notifierKey: nullable(secret),
      /** Shared with the server, for the metadata of notifications. */
      notifierSecret: nullable(secret),
    },
    key: ['connId', 'queueNo'],
    indexes: {
      byConnection: ['connId'],
      byRecipientId: ['recipientId'],
      byNotifierId: ['notifierId'],
      byDeleted: ['deleted'],
    },
  }),

  sendQueues: table({
    columns: {
      connId: bytes,
      queueNo: int,
      server: text(),
      senderId: bytes,
      senderKey: secret,
      /** Our public key that the recipient learns from the confirmation (SPKI). */
      dhPublicKey: bytes,
      e2eSecret: secret,
      status: text<QueueStatus>(),
      isPrimary: bool,
      replaces: nullable(int),
      switchStatus: text<SendSwitch>(),
      clientVersion: int,
      queueMode: nullable(text<'messaging' | 'contact'>()),
    },
    key: ['connId', 'queueNo'],
    indexes: { byConnection: ['connId'] },
  }),

  ratchets: table({
    columns: {
      connId: bytes,
      version: int,
      /** Our keys while the peer's are awaited: of an invitation, or of a re-synchronization. */
      keys: nullable(secret),
      /** The parameters that we sent when joining, for sending them again. */
      params: nullable(bytes),
      /** The peer's last ones of a re-synchronization that is under way. */
      peerKeys: nullable(bytes),
      state: nullable(secret),
    },
    key: ['connId'],
    indexes: {},
    versioned: true,
  }),

  /** Keys of messages that have not come yet. */
  skippedKeys: table({
    columns: { connId: bytes, skippedNo: int, key: secret },
    key: ['connId', 'skippedNo'],
    indexes: { byConnection: ['connId'] },
  }),

  /** What we send. */
  messages: table({
    columns: {
      connId: bytes,
      messageId: int,
      /** Its `snd-msg-id`. */
      sentId: int,
      type: text(),
      /** SHA-256 of the agent message. */
      hash: bytes,
      /** The agent message; empty once it is sent. */
      body: secret,
      /** The ratchet's key for it; empty once it is sent. */
      key: secret,
      paddedLength: int,
      notification: bool,
      status: text<MessageStatus>(),
      createdAt: int,
    },
    key: ['connId', 'messageId'],
    indexes: { byConnection: ['connId'], bySentId: ['connId', 'sentId'], byStatus: ['status'] },
  }),

  /** What is still to be sent: for each queue in the order of `messageId`. */
  deliveries: table({
    columns: {
      connId: bytes,
      queueNo: int,
      messageId: int,
      /** The delays that the next attempts have reached, in milliseconds. */
      fastDelay: int,
      slowDelay: int,
    },
    key: ['connId', 'queueNo', 'messageId'],
    indexes: {
      byConnection: ['connId'],
      byQueue: ['connId', 'queueNo'],
      byMessage: ['connId', 'messageId'],
    },
  }),

  /** What the application has not acknowledged yet: received messages, requests, confirmations, changes. */
  events: table({
    columns: {
      /** Ascending over all connections. */
      eventId: int,
      connId: bytes,
      type: text(),
      /** The internal id of the message that it is about, or 0. */
      messageId: int,
      /** The queue to acknowledge it on, or 0. */
      queueNo: int,
      /** The server's id of the message, or empty. */
      brokerId: bytes,
      data: secret,
      createdAt: int,
    },
    key: ['eventId'],
    indexes: { byConnection: ['connId'], byType: ['connId', 'type'] },
  }),

  /** The peer's confirmation, until we have answered it. */
  confirmations: table({
    columns: { connId: bytes, data: secret },
    key: ['connId'],
    indexes: {},
  }),

  /** Requests to our contact addresses. */
  requests: table({
    columns: {
      /** 12 random bytes. */
      requestId: bytes,
      /** The contact address. */
      connId: bytes,
      /** What tells that it is the same request again: SHA-256 of the address of its first queue. */
      firstQueue: bytes,
      status: text<'new' | 'accepted' | 'rejected'>(),
      /** The connection that it became, or empty. */
      acceptedId: bytes,
      data: secret,
      createdAt: int,
    },
    key: ['requestId'],
    indexes: {
      byConnection: ['connId'],
      byFirstQueue: ['connId', 'firstQueue'],
      byStatus: ['status'],
      byWaiting: ['connId', 'status'],
    },
  }),

  /** What has to be done over the network because of a change that is stored. */
  commands: table({
    columns: {
      /** Ascending over all connections. */
      commandNo: int,
      connId: bytes,
      tag: text(),
      data: secret,
      createdAt: int,
    },
    key: ['commandNo'],
    indexes: { byConnection: ['connId'] },
  }),

  /** What was processed already: SHA-256 of ratchet messages and of re-synchronization keys. */
  hashes: table({
    columns: { connId: bytes, kind: text<'message' | 'ratchetKey'>(), hash: bytes, createdAt: int },
    key: ['connId', 'kind', 'hash'],
    indexes: { byConnection: ['connId'] },
  }),

  /** One-time short links that we have read: the key that secured the queue. */
  shortLinks: table({
    columns: {
      server: text(),
      linkId: bytes,
      linkKey: secret,
      senderKey: secret,
      /** Empty until the server told it. */
      senderId: bytes,
      createdAt: int,
    },
    key: ['server', 'linkId'],
    indexes: { bySender: ['server', 'senderId'] },
  }),
} as const

export type Tables = typeof tables
export type TableName = keyof Tables
export type Row<N extends TableName> = RowOf<Tables[N]>
export type Key<N extends TableName> = KeyOf<Tables[N]>

/** All that belongs to one connection and goes with it. */
export const connectionTables = [
  'receiveQueues',
  'sendQueues',
  'skippedKeys',
  'messages',
  'deliveries',
  'events',
  'requests',
  'commands',
  'hashes',
] as const satisfies readonly TableName[]
