// A server without sockets whose time stands still.
import { randomBytes } from '@smpkit/crypto'
import type { ServiceRole, SmpVersion } from '@smpkit/smp-commands'
import { Broker } from '../broker.js'
import { ManualClock } from '../clock.js'
import { serve } from '../connection.js'
import type { BrokerOptions } from '../options.js'
import { Store } from '../store.js'
import { memoryConnection } from './memory-connection.js'
import { TestClient } from './test-client.js'

/** A service certificate, as far as the server behind the handshake sees one. */
export const newCertificate = (role: ServiceRole) => ({ role, certHash: randomBytes(32) })
export type Certificate = ReturnType<typeof newCertificate>

export function testBroker(options: BrokerOptions = {}, store = new Store()) {
  const clock = new ManualClock()
  const errors: unknown[] = []
  const broker = new Broker(store, { clock, onError: (error) => errors.push(error), ...options })
  const connectEnds = (version = 20, certificate: Certificate | null = null) => {
    const serviceId = certificate && broker.serviceId(certificate)
    if (certificate && !serviceId) throw new Error('the service was refused')
    const service = certificate && serviceId ? { ...certificate, serviceId } : null
    const ends = memoryConnection(version as SmpVersion, service)
    // As a transport does with what serving a connection throws.
    const served = serve(broker, ends.serverEnd).catch(() => ends.serverEnd.close())
    return { ...ends, served }
  }
  const connect = (version?: number, certificate?: Certificate | null) =>
    new TestClient(connectEnds(version, certificate).clientEnd)
  return { broker, clock, errors, connect, connectEnds }
}

/** The server's time until `END` and others have been sent. */
export const endDelay = 15_000
export const notificationTick = 1_500
