// What Prometheus reads of the clients of the NTF protocol.
import type { NtfDoorMetrics } from '@smpkit/notification-server/ntf'
import { Counter, Gauge, type Registry } from 'prom-client'

export interface NtfMetrics {
  /** Nothing where the protocol is not served. */
  show(ntf: NtfDoorMetrics | undefined): void
  reset(): void
}

export function ntfMetrics(registry: Registry): NtfMetrics {
  const registers = [registry]
  const connections = new Gauge({
    name: 'simplex_ntf_client_connections',
    help: 'Connections of clients of the NTF protocol',
    registers,
  })
  const commands = new Counter({
    name: 'simplex_ntf_commands_total',
    help: 'Commands of the NTF protocol',
    labelNames: ['command'],
    registers,
  })
  const errors = new Counter({
    name: 'simplex_ntf_command_errors_total',
    help: 'Errors that they were answered with',
    labelNames: ['error'],
    registers,
  })
  return {
    show(ntf) {
      if (!ntf) return
      connections.set(ntf.connections)
      for (const [command, count] of Object.entries(ntf.commands)) commands.inc({ command }, count)
      for (const [error, count] of Object.entries(ntf.errors)) errors.inc({ error }, count)
    },
    reset() {
      for (const one of [connections, commands, errors]) one.reset()
    },
  }
}
