// Spec 04 §10: one attempt of a pool to connect, and what it can come to.
import { SmpClientError, type SmpError, unlessAborted } from './errors.js'
import { openSession } from './open-session.js'
import type { PoolContext } from './pool-context.js'
import type { PooledServer } from './pooled-server.js'
import type { SmpClientSession } from './session.js'

export const closedError = () => new SmpClientError('CLOSED', 'the pool was closed')
export const notTakenError = () =>
  new SmpClientError('OVERFLOW', 'expected the events of earlier sessions to be taken before the next one begins')

/** @param closing ends the attempt. @throws SmpClientError `CONNECT`, `CLOSED` */
export async function connectInTime(
  server: PooledServer,
  context: PoolContext,
  closing: AbortSignal,
): Promise<SmpClientSession> {
  const { connect, clock, connectTimeout, session, service } = context
  const controller = new AbortController()
  const onClose = () => controller.abort(closedError())
  closing.addEventListener('abort', onClose)
  const cancel = clock.schedule(() => controller.abort(), connectTimeout)
  try {
    const asked = server.presentsService ? service(server) : null
    const credentials = await unlessAborted(Promise.resolve(asked), controller.signal)
    const options = { ...session, clock, service: credentials, userId: server.userId, signal: controller.signal }
    return await openSession(server.address, connect ? { ...options, connect } : options)
  } catch (error) {
    if (closing.aborted) throw closedError()
    if (!controller.signal.aborted) throw error
    const message = `cannot connect: it took longer than ${connectTimeout} ms`
    throw new SmpClientError('CONNECT', message, { temporary: true })
  } finally {
    cancel()
    closing.removeEventListener('abort', onClose)
  }
}

/** The server does not know, or does not want, the service that we presented (03 §3.3). */
export function refusedInHandshake(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ('code' in cause && cause.code === 'BAD_SERVICE') return true
  return false
}

/** An address to which there will never be a connection: a transport refuses it before it tries. */
export function neverReachable({ cause }: SmpError): boolean {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return code === 'REFUSED_ADDRESS' || code === 'HOST' || code === 'ADDRESS'
}
