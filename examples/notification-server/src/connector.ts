// How SMP servers are reached: strangers name them, so the network around this machine is not among what they can mean.
import type { Connect } from '@smpkit/smp-client'
import { addressPolicy } from '@smpkit/smp-commands/address'
import { connectSmp, connectThroughSocks } from '@smpkit/smp-transport'
import type { Config } from './config-keys.js'

export function connectorOf({ smp: { socks, socks_for, allow } }: Config): Connect {
  const allowAddress = addressPolicy({ allow })
  const direct: Connect = (server, options) => connectSmp(server, { ...options, allowAddress })
  if (socks === undefined) return direct
  // Tor itself keeps to public addresses, and here nobody knows those of a name.
  if (socks_for === 'all') return connectThroughSocks(socks)
  const onion = connectThroughSocks({ ...socks, onion: 'require' })
  return (server, options) => {
    const isPublic = server.hosts.some(({ type }) => type !== 'onion')
    return isPublic ? direct(server, options) : onion(server, options)
  }
}
