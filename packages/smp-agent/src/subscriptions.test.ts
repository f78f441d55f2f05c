import { find, update } from '@smpkit/agent-store'
import { deleteQueue, openSession } from '@smpkit/smp-client'
import { expect, it } from 'vitest'
import { idFromText } from './connection-id.js'
import type { ConnectionId } from './index.js'
import { recipientOf } from './queues.js'
import { useServer } from './testing/server.js'
import { bytes, connectByInvitation, type User, useUsers } from './testing/users.js'

const server = useServer()
const users = useUsers(() => ({ servers: [server().addressText] }))

async function queueOf({ store }: User, connection: ConnectionId) {
  const connId = idFromText(connection)
  const { queues } = await store.read({ queues: find('receiveQueues', 'byConnection', { connId }) })
  if (!queues[0]) throw new Error('expected a queue')
  return queues[0]
}

it('a queue that its server has lost is told, but not one that we have deleted ourselves', async () => {
  const [alice, bob] = [await users.create(), await users.create()]
  const [deleted] = await connectByInvitation(alice, bob)
  const [lost] = await connectByInvitation(alice, bob)
  const [kept, ofBob] = await connectByInvitation(alice, bob)
  // A rotation was killed between `DEL` of the old queue and the answer to it.
  const { connId, queueNo } = await queueOf(alice, deleted)
  const marked = update('receiveQueues', { connId, queueNo }, { deleted: true, switchStatus: 'receivedMessage' })
  await alice.store.atomic({}, () => ({ writes: [marked], result: undefined }))
  const gone = [await queueOf(alice, deleted), await queueOf(alice, lost)]
  await alice.stop()
  await using session = await openSession(server().address)
  for (const queue of gone) await deleteQueue(session, recipientOf(queue))
  await alice.start()
  expect(await alice.taken('failed')).toMatchObject({ connection: lost, code: 'QUEUE_LOST' })
  await bob.agent.send(ofBob, bytes('next'))
  expect(await alice.taken('message')).toMatchObject({ connection: kept })
})
