import { X509Certificate } from 'node:crypto'
import { equalBytes } from '@smpkit/encoding'
import { describe, expect, it } from 'vitest'
import { fingerprint, parseCertificate } from './certificate.js'
import { type CertificateOptions, createCertificate } from './certificate-builder.js'
import { chainShape, checkClientChain, checkServerChain } from './certificate-chain.js'
import { derBitString, derElement, derSequence, tags } from './der.js'
import { PrivateKey } from './keys.js'
import { sign } from './signatures.js'
import { fromHex, vectorCases } from './testing/vectors.js'

const now = new Date('2026-06-01')
const day = 24 * 3_600_000
const around = { notBefore: new Date(now.getTime() - day), notAfter: new Date(now.getTime() + day) }
const [rootKey, middleKey, leafKey] = [0, 1, 2].map(() => PrivateKey.generate('ed25519')) as [
  PrivateKey<'ed25519'>,
  PrivateKey<'ed25519'>,
  PrivateKey<'ed25519'>,
]

const root = (options: Partial<CertificateOptions> = {}) =>
  createCertificate({
    subject: { commonName: 'SMP server CA', organization: 'SimpleX' },
    subjectKey: rootKey.publicKey,
    signingKey: rootKey,
    ca: true,
    ...around,
    ...options,
  })
const issuedByRoot = { issuer: parseCertificate(root()).subject, signingKey: rootKey, ...around }
const leaf = (options: Partial<CertificateOptions> = {}) =>
  createCertificate({ subject: 'localhost', subjectKey: leafKey.publicKey, ca: false, ...issuedByRoot, ...options })
const middle = (options: Partial<CertificateOptions> = {}) =>
  createCertificate({ subject: 'middle', subjectKey: middleKey.publicKey, ca: true, ...issuedByRoot, ...options })
const issuedByMiddle = { issuer: 'middle', signingKey: middleKey }

const check = (chain: Uint8Array[], identity = chain[1]) =>
  checkServerChain(chain, identity ? fingerprint(identity) : new Uint8Array(32), now)
const failure = (code: string) => expect.objectContaining({ name: 'CertificateError', code, temporary: false })

describe('created certificates', () => {
  it.each(['ed25519', 'ed448'] as const)('of %s are what Node reads and verifies', (algorithm) => {
    const [caKey, key] = [PrivateKey.generate(algorithm), PrivateKey.generate(algorithm)]
    const ca = root({ subjectKey: caKey.publicKey, signingKey: caKey, notAfter: new Date('4763-01-02T03:04:05Z') })
    const issued = leaf({ subjectKey: key.publicKey, signingKey: caKey })
    const [caNode, issuedNode] = [new X509Certificate(ca), new X509Certificate(issued)]
    expect(caNode.ca).toBe(true)
    expect(issuedNode.ca).toBe(false)
    expect(caNode.subject).toBe('CN=SMP server CA\nO=SimpleX')
    expect(caNode.validTo).toBe('Jan  2 03:04:05 4763 GMT')
    expect(caNode.verify(caNode.publicKey)).toBe(true)
    expect(issuedNode.checkIssued(caNode)).toBe(true)
    expect(issuedNode.verify(caNode.publicKey)).toBe(true)
    expect(issuedNode.publicKey.export({ type: 'spki', format: 'der' })).toEqual(Buffer.from(key.publicKey.toDer()))
    expect(check([issued, ca]).equals(key.publicKey)).toBe(true)
  })

  it('are parsed to what they were made of', () => {
    const certificate = parseCertificate(root())
    expect(certificate).toMatchObject({ version: 3, isCa: true, signatureAlgorithm: 'ed25519', ...around })
    expect(certificate.publicKey?.equals(rootKey.publicKey)).toBe(true)
    expect(equalBytes(certificate.issuer, certificate.subject)).toBe(true)
    expect(parseCertificate(leaf())).toMatchObject({ isCa: false, pathLength: undefined })
    expect(equalBytes(parseCertificate(root()).serialNumber, certificate.serialNumber)).toBe(false)
  })

  it('last 999999 days by default, from before now', () => {
    const { notBefore, notAfter } = parseCertificate(
      createCertificate({ subject: 'x', subjectKey: leafKey.publicKey, signingKey: leafKey, ca: false }),
    )
    expect(notBefore.getTime()).toBeLessThan(Date.now())
    expect(notAfter.getTime() - notBefore.getTime()).toBe(999_999 * day)
  })
})

describe('a chain of a server', () => {
  it('has 2, 3 or 4 certificates, the second of which is the identity', () => {
    const three = [leaf(issuedByMiddle), middle(), root()]
    const secondMiddle = middle({ subject: 'second', subjectKey: middleKey.publicKey })
    const four = [leaf(issuedByMiddle), middle({ issuer: 'second', signingKey: middleKey }), secondMiddle, root()]
    for (const chain of [[leaf(), root()], three, four]) {
      expect(check(chain).equals(leafKey.publicKey)).toBe(true)
      expect(() => check(chain, chain[0])).toThrow(failure('FINGERPRINT'))
      if (chain.length > 2) expect(() => check(chain, chain.at(-1))).toThrow(failure('FINGERPRINT'))
    }
  })

  it('is refused with another number of certificates', () => {
    expect(() => check([])).toThrow(failure('EMPTY'))
    expect(() => check([root()], root())).toThrow(failure('LENGTH'))
    expect(() => check([leaf(), root(), root(), root(), root()])).toThrow(failure('LENGTH'))
    expect(chainShape([1, 2, 3, 4, 5].map(() => root()))).toEqual({ shape: 'long' })
  })

  it('is refused with a fingerprint of another length', () => {
    const chain = [leaf(), root()]
    expect(() => checkServerChain(chain, new Uint8Array(0), now)).toThrow(failure('FINGERPRINT'))
    expect(() => checkServerChain(chain, fingerprint(root()).subarray(0, 31), now)).toThrow(failure('FINGERPRINT'))
  })

  it('is refused in the wrong order and with a foreign certificate between', () => {
    expect(() => check([root(), leaf()])).toThrow(failure('ISSUER'))
    expect(() => check([leaf(), middle(), root()])).toThrow(failure('ISSUER'))
  })

  it('is refused with a CA of the same name that did not sign', () => {
    const other = PrivateKey.generate('ed25519')
    expect(() => check([leaf(), root({ subjectKey: other.publicKey, signingKey: other })])).toThrow(
      failure('SIGNATURE'),
    )
    const ed448 = PrivateKey.generate('ed448')
    expect(() => check([leaf(), root({ subjectKey: ed448.publicKey, signingKey: ed448 })])).toThrow(
      failure('SIGNATURE'),
    )
  })

  it('is refused outside the dates of the leaf and of intermediate certificates, whose ends are included', () => {
    const past = { notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') }
    const future = { notBefore: new Date('2040-01-01'), notAfter: new Date('2060-01-01') }
    expect(() => check([leaf(past), root()])).toThrow(failure('EXPIRED'))
    expect(() => check([leaf(future), root()])).toThrow(failure('NOT_YET_VALID'))
    expect(() => check([leaf(issuedByMiddle), middle(past), root()])).toThrow(failure('EXPIRED'))
    expect(check([leaf({ notBefore: now, notAfter: now }), root()]).equals(leafKey.publicKey)).toBe(true)
  })

  it('is accepted with an expired last certificate, which is pinned by its fingerprint', () => {
    const past = { notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') }
    expect(check([leaf(), root(past)]).equals(leafKey.publicKey)).toBe(true)
  })

  it('needs intermediate certificates that may issue, but not such a root', () => {
    expect(() => check([leaf(issuedByMiddle), middle({ ca: false }), root()])).toThrow(failure('CA'))
    expect(check([leaf(), root({ ca: false })]).equals(leafKey.publicKey)).toBe(true)
  })

  it('respects key usage and path length of intermediate certificates', () => {
    const isCa = fromHex('300f0603551d130101ff040530030101ff')
    const noFurther = fromHex('30120603551d130101ff040830060101ff020100')
    const certSign = fromHex('300e0603551d0f0101ff040403020204')
    const crlSign = fromHex('300e0603551d0f0101ff040403020102')
    const three = (...extensions: Uint8Array[]) => [leaf(issuedByMiddle), rebuilt(middle(), 3, ...extensions), root()]
    const lower = middle({ subject: 'lower', ...issuedByMiddle })
    const lowest = leaf({ issuer: 'lower', signingKey: middleKey })
    for (const extensions of [[isCa], [isCa, certSign], [noFurther]]) {
      expect(check(three(...extensions)).equals(leafKey.publicKey)).toBe(true)
    }
    expect(() => check(three())).toThrow(failure('CA'))
    expect(() => check(three(isCa, crlSign))).toThrow(failure('CA'))
    expect(() => check([lowest, lower, rebuilt(middle(), 3, noFurther), root()])).toThrow(failure('CA'))
    expect(check([lowest, lower, rebuilt(middle(), 3, isCa), root()]).equals(leafKey.publicKey)).toBe(true)
    expect(() => check(three(isCa, isCa))).toThrow(failure('FORMAT'))
  })

  it('is refused with a certificate that is none', () => {
    const noise = Uint8Array.of(0x30, 1, 0)
    expect(() => check([noise, root()])).toThrow(failure('FORMAT'))
    expect(() => check([leaf(), noise])).toThrow(failure('FORMAT'))
    expect(() => check([Uint8Array.of(...leaf(), 0), root()])).toThrow(failure('FORMAT'))
  })

  it('is refused with a leaf of version 1 and with keys of other algorithms', () => {
    expect(() => check([rebuilt(leaf(), 1), root()])).toThrow(failure('VERSION'))
    const x25519 = PrivateKey.generate('x25519').publicKey as never
    expect(() => check([leaf({ subjectKey: x25519 }), root()])).toThrow(failure('ALGORITHM'))
    expect(() => check([leaf(), root({ subjectKey: x25519 })])).toThrow(failure('ALGORITHM'))
  })
})

/** Issued by the root to the same subject, with this version and these extensions. */
function rebuilt(der: Uint8Array, version: 1 | 3, ...extensions: Uint8Array[]): Uint8Array {
  const { subject, spki, serialNumber } = parseCertificate(der)
  const algorithm = fromHex('300506032b6570')
  const time = (text: string) => derElement(tags.utcTime, new TextEncoder().encode(text))
  const signed = derSequence(
    ...(version === 1 ? [] : [derElement(tags.context0, fromHex('020102'))]),
    derElement(tags.integer, serialNumber),
    algorithm,
    issuedByRoot.issuer,
    derSequence(time('250101000000Z'), time('270101000000Z')),
    subject,
    spki,
    ...(version === 1 ? [] : [derElement(tags.context3, derSequence(...extensions))]),
  )
  return derSequence(signed, algorithm, derBitString(sign(rootKey, signed)))
}

describe('a chain of a client', () => {
  const self = (options: Partial<CertificateOptions> = {}) =>
    createCertificate({
      subject: 'bot',
      subjectKey: leafKey.publicKey,
      signingKey: leafKey,
      ca: false,
      ...around,
      ...options,
    })

  it('may be absent', () => {
    expect(checkClientChain([], now)).toBeUndefined()
  })

  it('may be one self-signed certificate that is valid', () => {
    const client = checkClientChain([self()], now)
    expect(client?.leafKey.equals(leafKey.publicKey)).toBe(true)
    const certificate = self()
    expect(checkClientChain([certificate], now)?.fingerprint).toStrictEqual(fingerprint(certificate))
    expect(() => checkClientChain([self({ notAfter: around.notBefore })], now)).toThrow(failure('EXPIRED'))
    expect(() => checkClientChain([leaf()], now)).toThrow(failure('ISSUER'))
    expect(() => checkClientChain([self({ signingKey: rootKey })], now)).toThrow(failure('SIGNATURE'))
  })

  it('may be a chain of 2 to 4, with the identity as of servers', () => {
    const identity = root()
    expect(checkClientChain([leaf(), identity], now)?.fingerprint).toStrictEqual(fingerprint(identity))
    const chain = [leaf(issuedByMiddle), middle({ ca: false }), root()]
    expect(() => checkClientChain(chain, now)).toThrow(failure('CA'))
    expect(() =>
      checkClientChain(
        [1, 2, 3, 4, 5].map(() => root()),
        now,
      ),
    ).toThrow(failure('LENGTH'))
  })
})

describe('certificates of the vectors', () => {
  const recorded = vectorCases('crypto-fingerprint').flatMap(({ in: { certificate, chain } }) =>
    ([...((chain as string[] | undefined) ?? []), ...(certificate ? [certificate] : [])] as string[]).map(fromHex),
  )
  const samples = [recorded[0], recorded[1], root(), leaf()] as Uint8Array[]

  it('have the names, keys and dates that Node reads', () => {
    expect(recorded.length).toBeGreaterThan(20)
    for (const der of recorded) {
      const [ours, theirs] = [parseCertificate(der), new X509Certificate(der)]
      expect(ours.isCa).toBe(theirs.ca)
      expect(ours.notBefore).toEqual(new Date(theirs.validFrom))
      expect(ours.notAfter).toEqual(new Date(theirs.validTo))
      expect(Buffer.from(ours.spki)).toEqual(theirs.publicKey.export({ type: 'spki', format: 'der' }))
    }
  })

  it('have no proper prefix that parses', () => {
    for (const der of samples) {
      for (let length = 0; length < der.length; length++) {
        expect(() => parseCertificate(der.subarray(0, length))).toThrow(failure('FORMAT'))
      }
    }
  })

  it('give a typed error or a certificate, and no valid chain, with any byte changed', () => {
    const identity = root()
    const original = leaf()
    for (let i = 0; i < original.length; i++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const der = original.slice()
        der[i] = (der[i] as number) ^ change
        expect(() => check([der, identity])).toThrow(expect.objectContaining({ name: 'CertificateError' }))
      }
    }
  })

  it('are refused with times that no calendar has', () => {
    const text = Buffer.from(leaf()).toString('latin1')
    const times = [...text.matchAll(/\d{12}Z/g)]
    expect(times).toHaveLength(2)
    for (const bad of ['260230000000Z', '261301000000Z', '26010100000:Z', '260101246000Z', '2601010000+1Z']) {
      const der = Uint8Array.from(Buffer.from(text.replace(times[0]?.[0] ?? '', bad), 'latin1'))
      expect(() => parseCertificate(der)).toThrow(failure('FORMAT'))
    }
  })

  it('with an RSA key are parsed and not trusted', () => {
    const key = { toDer: () => derSequence(fromHex('300d06092a864886f70d0101010500'), fromHex('03020001')) }
    const certificate = leaf({ subjectKey: key as never })
    expect(parseCertificate(certificate).publicKey).toBeUndefined()
    expect(() => check([certificate, root()])).toThrow(failure('ALGORITHM'))
  })
})
