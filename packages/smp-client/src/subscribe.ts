// Spec 04 §10, 06 §5, §9.2: subscribing everything at one server in a new session: the service first, then one by one.
import { equalBytes } from '@smpkit/encoding'
import { has } from '@smpkit/smp-commands'
import { type Outcome, SmpError, SmpReplyError } from './errors.js'
import type { AnswerTo, Request } from './requests.js'
import type { SmpClientSession } from './session.js'
import type { Subscription, SubscriptionTable } from './subscriptions.js'

/**
 * Subscribes what waits in the table. Settles when all of it has an answer or none is to be expected; what had a temporary
 * error waits still. Answers count only while `isCurrent`.
 */
export async function subscribeAll(
  session: SmpClientSession,
  table: SubscriptionTable,
  isCurrent: () => boolean,
): Promise<void> {
  await subscribeService(session, table, isCurrent)
  const onOutcome = (subscription: Subscription, outcome: Outcome<AnswerTo<Subscription>>) => {
    if (isCurrent()) accept(session, subscription, outcome)
  }
  if (isCurrent()) await session.requestEach(table.pending, onOutcome)
}

async function subscribeService(
  session: SmpClientSession,
  table: SubscriptionTable,
  isCurrent: () => boolean,
): Promise<void> {
  const { service } = table
  if (!service) return
  const { serviceId, count, idsHash } = service
  const ours = session.session.service
  if (ours?.role !== table.definition.role || !equalBytes(ours.serviceId, serviceId)) return table.dissociateAll()
  const tag = table.definition.serviceTag
  const command = has(session.session.version, 'idsHash') ? { tag, count, idsHash } : { tag }
  try {
    const answer = await session.request({ command, entityId: serviceId } as Request<{ tag: 'SUBS' | 'NSUBS' }>)
    if (!isCurrent()) return
    // Other differences in the count, and all in the hash, are no reason for anything (06 §5.6).
    if (answer.count <= 0n) table.dissociateAll()
    else table.serviceSucceeded()
  } catch (error) {
    if (!(error instanceof SmpError)) throw error
    if (!isCurrent()) return
    // A server that does not want the service may still take the queues.
    if (error instanceof SmpReplyError && !error.temporary) table.dissociateAll()
    else table.servicePostponed(error)
  }
}

function accept(
  session: SmpClientSession,
  subscription: Subscription,
  { message, error }: Outcome<AnswerTo<Subscription>>,
): void {
  const { table } = subscription
  if (message) {
    const serviceId = message.tag === 'SOK' ? message.serviceId : null
    const ours = session.session.service?.serviceId
    table.succeeded(subscription, serviceId && ours && equalBytes(serviceId, ours) ? ours : null)
  } else if (error.temporary) table.postponed(subscription, error)
  else table.dropped(subscription, 'error', error)
}
