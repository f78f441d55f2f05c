// Spec 06 §5: all queues of a service at once.
import { has, type ServiceQueues } from '@smpkit/smp-commands'
import { SmpClientError } from './errors.js'
import type { RequestOptions } from './requests.js'
import type { SmpClientSession } from './session.js'

/**
 * `SUBS` or `NSUBS`, by the role of the session's service: its messages or notifications come as events of this session. What the
 * caller counts is information for the server, and so is what it answers: differences are no error.
 * @throws SmpClientError `INVALID` in a session without such a service
 */
export async function subscribeService(
  session: SmpClientSession,
  { count, idsHash }: ServiceQueues,
  options?: RequestOptions,
): Promise<{ count: bigint; idsHash?: Uint8Array }> {
  const { service, version } = session.session
  if (!service || service.role === 'proxy') {
    throw new SmpClientError('INVALID', 'expected a session with a messaging or notifier service')
  }
  const tag = service.role === 'messaging' ? 'SUBS' : 'NSUBS'
  const queues = has(version, 'idsHash') ? { count, idsHash } : {}
  return session.request({ command: { tag, ...queues }, entityId: service.serviceId }, options)
}
