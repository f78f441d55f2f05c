// Spec 12 §12.2, 01 §3: old addresses of public servers that were written before servers had a second host.
import { type Host, parseHost } from './hosts.js'

const onionHosts: ReadonlyMap<string, string> = new Map([
  ['smp4.simplex.im', 'o5vmywmrnaxalvz6wi3zicyftgio6psuvyniis6gco6bp6ekl4cqj4id.onion'],
  ['smp5.simplex.im', 'jjbyvoemxysm7qxap7m5d5m35jzv5qq6gnlv7s4rsn7tdwwmuqciwpid.onion'],
  ['smp6.simplex.im', 'bylepyau3ty4czmn77q4fglvperknl4bi2eb2fdy2bh4jxtf32kf73yd.onion'],
  ['smp8.simplex.im', 'beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion'],
  ['smp9.simplex.im', 'jssqzccmrcws6bhmn77vgmhfjmhwlyr3u7puw4erkyoosywgl67slqqd.onion'],
  ['smp10.simplex.im', 'rb2pbttocvnbrngnwziclp2f4ckjq65kebafws6g4hy22cdaiv5dwjqd.onion'],
])

/** The hosts, with the onion host appended where a public server stands alone by its old name. */
export function withOnionHost(hosts: readonly Host[]): readonly Host[] {
  const onion = hosts.length === 1 ? onionHosts.get(hosts[0]?.text ?? '') : undefined
  return onion === undefined ? hosts : [...hosts, parseHost(onion)]
}
