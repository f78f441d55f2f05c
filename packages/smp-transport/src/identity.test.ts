import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  checkClientChain,
  checkServerChain,
  createCertificate,
  fingerprint,
  PrivateKey,
  parseCertificate,
} from '@smpkit/crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { connectSmp } from './connect.js'
import {
  createServerIdentity,
  createServiceCredentials,
  credentialsFromPem,
  credentialsToPem,
  renewServerIdentity,
  serverIdentityFromPem,
  signingKeyFromPem,
  signingKeyToPem,
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
    expect(identity.caPrivateKey.publicKey.equals(ca?.publicKey as never)).toBe(true)
  })

  it('is another one each time', () => {
    expect(createServerIdentity().fingerprint).not.toEqual(createServerIdentity().fingerprint)
  })

  it('stays when its online certificate is renewed, whose key is of the same algorithm unless told', () => {
    const before = createServerIdentity({ algorithm: 'ed448' })
    const notBefore = new Date('2026-05-06T07:08:09Z')
    const after = renewServerIdentity(before, { commonName: 'smp.example', notBefore })
    expect(after.fingerprint).toEqual(before.fingerprint)
    expect(after.certChain.slice(1)).toEqual(before.certChain.slice(1))
    expect(after.caPrivateKey).toBe(before.caPrivateKey)
    expect(after.privateKey.algorithm).toBe('ed448')
    expect(after.privateKey.publicKey.equals(before.privateKey.publicKey)).toBe(false)
    expect(checkServerChain(after.certChain, before.fingerprint).equals(after.privateKey.publicKey)).toBe(true)
    expect(parseCertificate(after.certChain[0] as Uint8Array).notBefore).toEqual(notBefore)
    const again = renewServerIdentity(after, { algorithm: 'ed25519' })
    expect(again.privateKey.algorithm).toBe('ed25519')
    expect(checkServerChain(again.certChain, before.fingerprint).equals(again.privateKey.publicKey)).toBe(true)
  })

  it('keeps what comes after it in a longer chain', () => {
    const operator = createServerIdentity()
    const caPrivateKey = PrivateKey.generate('ed25519')
    const [, root] = operator.certChain as [Uint8Array, Uint8Array]
    const identity = createCertificate({
      subject: 'SMP server CA',
      issuer: parseCertificate(root).subject,
      subjectKey: caPrivateKey.publicKey,
      signingKey: operator.caPrivateKey,
      ca: true,
    })
    const { certChain } = operator
    const renewed = renewServerIdentity({ certChain: [certChain[0] as Uint8Array, identity, root], caPrivateKey })
    expect(renewed.certChain.slice(1)).toEqual([identity, root])
    expect(() => checkServerChain(renewed.certChain, fingerprint(identity))).not.toThrow()
  })

  it('is not renewed with another key, or without its certificate', () => {
    const { certChain, caPrivateKey, privateKey } = createServerIdentity()
    const renew = (identity: Parameters<typeof renewServerIdentity>[0]) => () => renewServerIdentity(identity)
    expect(renew({ certChain, caPrivateKey: privateKey })).toThrow(expect.objectContaining({ code: 'SIGNATURE' }))
    const alone = certChain.slice(0, 1)
    expect(renew({ certChain: alone, caPrivateKey })).toThrow(expect.objectContaining({ code: 'LENGTH' }))
  })

  it('keeps the key to renew it by in a PEM of its own', () => {
    const { caPrivateKey } = createServerIdentity({ algorithm: 'ed448' })
    expect(signingKeyFromPem(signingKeyToPem(caPrivateKey)).toRaw()).toEqual(caPrivateKey.toRaw())
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
