// Spec 04 §10, 06 §5, §9.2: subscribing everything at one server in a new session: the service first, then one by one.
import { equalBytes } from '@smpkit/encoding'
import { has, type ServiceQueues } from '@smpkit/smp-commands'
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
  const differs = await subscribeService(session, table, isCurrent)
  const onOutcome = (subscription: Subscription, outcome: Outcome<AnswerTo<Subscription>>) => {
    if (isCurrent()) accept(session, subscription, outcome)
  }
  if (isCurrent()) await session.requestEach(table.pending, onOutcome)
  if (differs && isCurrent()) await learnSurplus(session, table, isCurrent)
}

/** Nothing depends on the answer: without it the next session begins with one by one again. */
async function learnSurplus(
  session: SmpClientSession,
  table: SubscriptionTable,
  isCurrent: () => boolean,
): Promise<void> {
  const { serviceId } = table
  if (!serviceId) return
  const answer = await session.request(serviceRequest(session, table, { serviceId, ...table.expected })).catch(noAnswer)
  if (answer && isCurrent()) table.learnSurplus(answer)
}

function noAnswer(error: unknown): undefined {
  if (!(error instanceof SmpError)) throw error
}

type ServiceCommand = { tag: 'SUBS' | 'NSUBS' }

function serviceRequest(
  session: SmpClientSession,
  { definition }: SubscriptionTable,
  { serviceId, ...queues }: ServiceQueues & { serviceId: Uint8Array },
): Request<ServiceCommand> {
  const tag = definition.serviceTag
  const command = has(session.session.version, 'idsHash') ? { tag, ...queues } : { tag }
  return { command, entityId: serviceId } as Request<ServiceCommand>
}

/** Whether the server has other queues than we expect: then nobody knows which, and they are subscribed one by one. */
async function subscribeService(
  session: SmpClientSession,
  table: SubscriptionTable,
  isCurrent: () => boolean,
): Promise<boolean> {
  const { service } = table
  if (!service) return false
  const ours = session.session.service
  if (ours?.role !== table.definition.role || !equalBytes(ours.serviceId, service.serviceId)) {
    table.dissociateAll()
    return false
  }
  try {
    const answer = await session.request(serviceRequest(session, table, service))
    if (!isCurrent()) return false
    // The first answer of a session is right in both; later ones need not be (06 §5.6).
    if (table.isAsExpected(answer)) table.serviceSucceeded()
    else {
      table.dissociateAll()
      return true
    }
  } catch (error) {
    if (!(error instanceof SmpError)) throw error
    if (!isCurrent()) return false
    // A server that does not want the service may still take the queues.
    if (error instanceof SmpReplyError && !error.temporary) table.dissociateAll()
    else table.servicePostponed(error)
  }
  return false
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
  } else if (error.code === 'SERVICE' && session.session.service) {
    table.postponed(subscription, error)
    table.server.refusedService(session)
  } else if (error.temporary) table.postponed(subscription, error)
  else table.dropped(subscription, 'error', error)
}
