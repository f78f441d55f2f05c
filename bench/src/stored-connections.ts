// A store with many connections, without the time that it takes to make each with a peer: what an agent reads of them when it starts.
import { type AgentStore, insert, type Row, type Write } from '@smpkit/agent-store'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { openSession, type Request } from '@smpkit/smp-client'
import type { CommandOf } from '@smpkit/smp-commands'
import { parseServerAddress } from '@smpkit/smp-commands/address'
import { openDatabase } from './sqlite.js'

/** Rows that are written in one transaction. */
const batch = 1000

function connectionRow(): Row<'connections'> {
  return {
    connId: randomBytes(12),
    mode: 'invitation',
    userId: '',
    agentVersion: 7,
    pqSupport: true,
    notifications: false,
    synchronization: 'ok',
    deletion: 'no',
    deletedAt: 0,
    lastMessageId: 4,
    lastSentId: 2,
    lastSentHash: randomBytes(32),
    lastReceivedId: '2',
    lastReceivedHash: randomBytes(32),
    createdAt: Date.now(),
  }
}

type Ids = { readonly recipientId: Uint8Array; readonly senderId: Uint8Array; readonly recipientKey: Uint8Array }

function receiveQueueRow(connId: Uint8Array, server: string, ids: Ids): Row<'receiveQueues'> {
  const none = { linkId: null, linkKey: null, linkSigningKey: null, linkFixedData: null, replaces: null }
  return {
    connId,
    queueNo: 1,
    server,
    ...ids,
    bodySecret: randomBytes(32),
    dhKey: randomBytes(32),
    e2eSecret: randomBytes(32),
    status: 'active',
    isPrimary: true,
    switchStatus: 'none',
    clientVersion: 4,
    queueMode: 'messaging',
    deleted: false,
    deleteErrors: 0,
    lastMessageTs: 0,
    notifierId: null,
    notifierKey: null,
    notifierSecret: null,
    ...none,
  }
}

/** Each with a key of its own. */
async function createQueues(server: string, count: number): Promise<Ids[]> {
  await using session = await openSession(parseServerAddress(server))
  const dhKey = PrivateKey.generate('x25519').publicKey
  const keys = new Map<Request, Uint8Array>()
  function* requests(): Generator<Request<CommandOf<'NEW'>>> {
    for (let i = 0; i < count; i++) {
      const key = PrivateKey.generate('ed25519')
      const command = {
        tag: 'NEW',
        authKey: key.publicKey,
        dhKey,
        basicAuth: null,
        subMode: 'create',
        queueReq: { mode: 'messaging', link: null },
        ntfCreds: null,
      } as const
      const request = { command, key }
      keys.set(request, key.toDer())
      yield request
    }
  }
  const queues: Ids[] = []
  await session.requestEach(requests(), (request, { message, error }) => {
    const recipientKey = keys.get(request)
    keys.delete(request)
    if (error) throw error
    const { recipientId, senderId } = message
    if (recipientKey) queues.push({ recipientId: recipientId.slice(), senderId: senderId.slice(), recipientKey })
  })
  return queues
}

/** Writes a file of SQLite with `count` connections, whose queues are made at `server`. */
export async function storeConnections(file: string, server: string, count: number): Promise<void> {
  const queues = await createQueues(server, count)
  await using store: AgentStore = await openSqliteStore(openDatabase(file))
  for (let at = 0; at < queues.length; at += batch) {
    const writes = queues.slice(at, at + batch).flatMap((ids): Write[] => {
      const connection = connectionRow()
      return [
        insert('connections', connection),
        insert('receiveQueues', receiveQueueRow(connection.connId, server, ids)),
      ]
    })
    await store.atomic({}, () => ({ writes, result: undefined }))
  }
}
