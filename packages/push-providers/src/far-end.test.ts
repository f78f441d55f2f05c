import { expect, test } from 'vitest'
import { ProviderConfigError } from './errors.js'
import { checkFarEnd } from './far-end.js'
import { createTestIdentity } from './testing/authority.js'

const [one, other] = [createTestIdentity().ca, createTestIdentity().ca]
const good = { host: 'push.example', port: 443 }

test.each([
  {},
  { host: 'localhost' },
  { host: 'push.example.' },
  { host: '192.0.2.1' },
  { host: '2001:db8::1' },
  { port: 1 },
  { port: 65_535 },
  { ca: one },
  { ca: one + other },
  { ca: [one, other] },
])('%j is somewhere', (more) => expect(() => checkFarEnd({ ...good, ...more })).not.toThrow())

test.each([
  { host: '' },
  { host: 'a b' },
  { host: 'https://push.example' },
  { host: 'push.example:443' },
  { host: '[::1]' },
  { host: 'a..b' },
  { host: 'a\0' },
  { port: 0 },
  { port: 65_536 },
  { port: 1.5 },
  { port: Number.NaN },
  { ca: '' },
  { ca: 'no certificate' },
  { ca: [] },
  { ca: [one, 'no certificate'] },
])('%j is told at once', (more) => expect(() => checkFarEnd({ ...good, ...more })).toThrow(ProviderConfigError))
