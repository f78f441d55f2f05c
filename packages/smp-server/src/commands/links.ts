// Spec 04 §4.4, 06 §5.7: LSET, LDEL, LKEY, LGET.
import { equalBytes, toMapKey } from '@smpkit/encoding'
import type { BrokerMessage } from '@smpkit/smp-commands'
import { copyOf, idBytes, isContact, isSecuredMessaging, type Queue } from '../queue.js'
import { auth, ok, type QueueCall } from './call.js'
import { secureAsSender } from './sending.js'

export function setLink({ broker, queue, command }: QueueCall<'LSET'>): BrokerMessage {
  if (isSecuredMessaging(queue)) return auth
  const linkId = toMapKey(command.linkId)
  const { link } = queue
  if (link && (link.linkId !== linkId || !equalBytes(link.fixedData, command.fixedData))) return auth
  const data = { fixedData: copyOf(command.fixedData), userData: copyOf(command.userData) }
  return broker.store.setLink(queue, { linkId, ...data }) ? ok : auth
}

export function deleteLink({ broker, queue }: QueueCall<'LDEL'>): BrokerMessage {
  broker.store.setLink(queue, null)
  return ok
}

export function secureByLink(call: QueueCall<'LKEY'>): BrokerMessage {
  return secureAsSender(call) ? linkOf(call.queue) : auth
}

export function getLink({ queue }: QueueCall<'LGET'>): BrokerMessage {
  return isContact(queue) ? linkOf(queue) : auth
}

function linkOf({ senderId, link }: Queue): BrokerMessage {
  if (!link) return auth
  return { tag: 'LNK', senderId: idBytes(senderId), fixedData: link.fixedData, userData: link.userData }
}
