// Spec 04 §6.2, §7.3, 06 §5.4: what END, ENDS and DELD of the present session do to the subscriptions of a server.
import { equalBytes } from '@smpkit/encoding'
import { SmpClientError } from './errors.js'
import type { SessionEvent } from './session-options.js'
import type { ServiceEnd, SubscriptionTable } from './subscriptions.js'

const endTags: ReadonlySet<string> = new Set(['END', 'ENDS'])

/** Whether it tells that another connection has taken something. */
export const isEnd = ({ message }: SessionEvent): boolean => endTags.has(message.tag)

export function noteEnd(
  tables: Readonly<Record<string, SubscriptionTable>>,
  { entityId, message: { tag } }: SessionEvent,
  serviceEnd: ServiceEnd,
): void {
  if (tag !== 'DELD' && !endTags.has(tag)) return
  for (const table of Object.values(tables)) {
    if (tag === 'ENDS') {
      if (table.serviceId && equalBytes(entityId, table.serviceId)) table.serviceEnded(serviceEnd, endedError())
      continue
    }
    const subscription = table.get(entityId)
    if (!subscription) table.forgottenIsGone(entityId)
    else if (tag === 'END') table.dropped(subscription, 'ended', endedError())
    else table.dropped(subscription, 'deleted', deletedError())
  }
}

const endedError = () => new SmpClientError('ENDED', 'another connection took the subscription')
const deletedError = () => new SmpClientError('DELETED', 'the queue or its notifier was deleted')
