import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { readSigningKey, signJwt } from './jwt.js'

const pem = { type: 'pkcs8', format: 'pem' } as const
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem).toString()
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export(pem).toString()
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem).toString()

test('an ES256 text has the header of spec 21 A5 and a signature of 64 bytes that verifies', async () => {
  const key = readSigningKey(p256, 'ES256')
  const text = await signJwt(
    key,
    { algorithm: 'ES256', keyId: 'ABC1234567' },
    { iss: '5NN7GUYB6T', iat: 1_700_000_000 },
  )
  expect(text).toMatch(
    /^eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyMzQ1NjcifQ\.eyJpc3MiOiI1Tk43R1VZQjZUIiwiaWF0IjoxNzAwMDAwMDAwfQ\.[\w-]{86}$/,
  )
  await expect(jwtVerify(text, createPublicKey(key))).resolves.toMatchObject({ payload: { iss: '5NN7GUYB6T' } })
})

test('an RS256 text verifies, and names its type where asked to', async () => {
  const key = readSigningKey(rsa, 'RS256')
  const text = await signJwt(key, { algorithm: 'RS256', type: 'JWT' }, { iss: 'x' })
  const { protectedHeader } = await jwtVerify(text, createPublicKey(key))
  expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT' })
})

test.each([
  ['no PEM', 'secret text', 'ES256'],
  ['another curve', p384, 'ES256'],
  ['RSA for ES256', rsa, 'ES256'],
  ['P-256 for RS256', p256, 'RS256'],
] as const)('%s is refused without being shown', (_, text, algorithm) => {
  expect(() => readSigningKey(text, algorithm)).toThrow(
    expect.objectContaining({ name: 'ProviderConfigError', code: 'PROVIDER_CONFIG', temporary: false }),
  )
  expect(() => readSigningKey(text, algorithm)).toThrow(/^(?!.*secret).*private key/)
})
