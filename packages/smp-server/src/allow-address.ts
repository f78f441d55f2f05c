// Which addresses a proxy may connect to when the operator does not say: clients choose them.
import { BlockList, isIP, isIPv4 } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** IPv4 that is not global unicast (IANA's special-purpose registry, multicast and above). */
const special = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  special.addSubnet(network, prefix, 'ipv4')
}

/** Of IPv6 only 2000::/3 is global unicast, and in it these lead elsewhere or nowhere: Teredo and alike, 6to4, documentation. */
const global = new BlockList()
global.addSubnet('2000::', 3, 'ipv6')
const excluded = new BlockList()
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  excluded.addSubnet(network, prefix, 'ipv6')
}

/** Whether an IP address is of the public Internet. What is mapped or translated into IPv6 is not. */
export function isPublic(ip: string): boolean {
  if (isIPv4(ip)) return !special.check(ip, 'ipv4')
  return isIP(ip) === 6 && global.check(ip, 'ipv6') && !excluded.check(ip, 'ipv6')
}

/** For tests and development, where all servers are on one machine. */
export function isPublicOrLoopback(ip: string): boolean {
  return isPublic(ip) || (isIP(ip) !== 0 && loopback.check(ip, isIPv4(ip) ? 'ipv4' : 'ipv6'))
}
