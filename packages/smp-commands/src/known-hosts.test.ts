import { expect, test } from 'vitest'
import { parseHost } from './hosts.js'
import { withOnionHost } from './known-hosts.js'

const texts = (...hosts: string[]) => withOnionHost(hosts.map(parseHost)).map((host) => host.text)

test('a public server that stands alone by its old name gets its onion host', () => {
  expect(texts('smp10.simplex.im')).toEqual([
    'smp10.simplex.im',
    'rb2pbttocvnbrngnwziclp2f4ckjq65kebafws6g4hy22cdaiv5dwjqd.onion',
  ])
})

test('other hosts, and hosts that are not alone, stay as they are', () => {
  expect(texts('smp7.simplex.im')).toEqual(['smp7.simplex.im'])
  expect(texts('smp4.simplex.im', 'a.onion')).toEqual(['smp4.simplex.im', 'a.onion'])
})
