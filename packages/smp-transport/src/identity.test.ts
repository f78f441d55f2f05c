import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkClientChain, checkServerChain, PrivateKey, parseCertificate } from '@smpkit/crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { connectSmp } from './connect.js'
import {
  createServerIdentity,
  createServiceCredentials,
  credentialsFromPem,
  credentialsToPem,
  serverIdentityFromPem,
} from './identity.js'
import { cleanUp, startServer, withOpenssl } from './testing/fixtures.js'
import { toPem } from './tls-options.js'

afterEach(cleanUp)

describe('a server identity', () => {
  it.each(['ed25519', 'ed448'] as const)('of %s has a chain that clients accept', (algorithm) => {
    const identity = createServerIdentity({ algorithm, commonName: 'smp.example' })
    const leafKey = checkServerChain(identity.certChain, identity.fingerprint)
    expect(leafKey.equals(identity.privateKey.publicKey)).toBe(true)
    expect(leafKey.algorithm).toBe(algorithm)
    const [leaf, ca] = identity.certChain.map(parseCertificate)
    expect([leaf?.isCa, ca?.isCa]).toEqual([false, true])
    expect(identity.caPrivateKey?.publicKey.equals(ca?.publicKey as never)).toBe(true)
  })

  it('is another one each time', () => {
    expect(createServerIdentity().fingerprint).not.toEqual(createServerIdentity().fingerprint)
  })

  it('survives PEM', () => {
    const identity = createServerIdentity()
    const read = serverIdentityFromPem(credentialsToPem(identity))
    expect(read.certChain).toEqual(identity.certChain)
    expect(read.fingerprint).toEqual(identity.fingerprint)
    expect(read.privateKey.toRaw()).toEqual(identity.privateKey.toRaw())
  })

  it('is refused with another key, another number of keys or certificates', () => {
    const identity = createServerIdentity()
    const pem = credentialsToPem(identity)
    const otherKey = credentialsToPem(createServerIdentity()).privateKey
    const dhKey = toPem('PRIVATE KEY', PrivateKey.generate('x25519').toDer())
    const code = (change: Partial<typeof pem>) => {
      try {
        serverIdentityFromPem({ ...pem, ...change })
        return undefined
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    expect(code({})).toBeUndefined()
    expect(code({ privateKey: otherKey })).toBe('SIGNATURE')
    expect(code({ privateKey: dhKey })).toBe('ALGORITHM')
    expect(code({ privateKey: '' })).toBe('FORMAT')
    expect(code({ privateKey: pem.privateKey + otherKey })).toBe('FORMAT')
    expect(code({ certificates: '' })).toBe('EMPTY')
    expect(code({ certificates: toPem('CERTIFICATE', identity.certChain[0] as Uint8Array) })).toBe('LENGTH')
    expect(code({ certificates: toPem('CERTIFICATE', new Uint8Array(9)) })).toBe('FORMAT')
  })

  it.runIf(withOpenssl)('of OpenSSL works, and OpenSSL accepts ours', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'smpkit-identity-'))
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' }).toString()
    const read = (name: string) => readFileSync(join(directory, name), 'utf8')
    try {
      const own = createServerIdentity()
      const [leaf, ca] = own.certChain as [Uint8Array, Uint8Array]
      writeFileSync(join(directory, 'our-leaf.crt'), toPem('CERTIFICATE', leaf))
      writeFileSync(join(directory, 'our-ca.crt'), toPem('CERTIFICATE', ca))
      expect(openssl('verify', '-CAfile', 'our-ca.crt', '-partial_chain', 'our-leaf.crt')).toContain('OK')

      openssl('genpkey', '-algorithm', 'ED448', '-out', 'ca.key')
      openssl('genpkey', '-algorithm', 'ED448', '-out', 'server.key')
      openssl(
        'req',
        '-x509',
        '-new',
        '-key',
        'ca.key',
        '-subj',
        '/CN=SMP server CA/O=SimpleX',
        '-days',
        '9999',
        '-out',
        'ca.crt',
      )
      openssl('req', '-new', '-key', 'server.key', '-subj', '/CN=127.0.0.1', '-out', 'server.csr')
      writeFileSync(
        join(directory, 'server.ext'),
        'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,nonRepudiation,keyAgreement\nextendedKeyUsage=serverAuth\n',
      )
      openssl(
        'x509',
        '-req',
        '-in',
        'server.csr',
        '-CA',
        'ca.crt',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-extfile',
        'server.ext',
        '-days',
        '9999',
        '-out',
        'server.crt',
      )
      const identity = serverIdentityFromPem({
        certificates: read('server.crt') + read('ca.crt'),
        privateKey: read('server.key'),
      })
      const { address } = await startServer({ identity })
      const client = await connectSmp(address)
      expect(client.session.version).toBe(20)
      await client.close()
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('service credentials', () => {
  it('are one self-signed Ed25519 certificate that servers accept, valid since 25 hours', () => {
    const now = new Date('2026-05-06T07:08:09Z')
    const { certChain, privateKey } = createServiceCredentials(now)
    expect(certChain).toHaveLength(1)
    expect(checkClientChain(certChain, now)?.leafKey.equals(privateKey.publicKey)).toBe(true)
    expect(parseCertificate(certChain[0] as Uint8Array).notBefore).toEqual(new Date('2026-05-05T06:08:09Z'))
  })

  it('survive PEM', () => {
    const credentials = createServiceCredentials()
    expect(credentialsFromPem(credentialsToPem(credentials)).certChain).toEqual(credentials.certChain)
  })
})
