import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { checkServerChain } from '@smpkit/crypto'
import { exitCodes } from 'example-chat'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNtfIdentity, readNtfFingerprint, readNtfIdentity, renewNtfCertificate } from './ntf-identity.js'

let folder: string
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'ntf '))
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

const at = (name: string) => path.join(folder, name)
const files = () => ({ certificate_file: at('server.crt'), key_file: at('server.key') })
const options = { algorithm: 'ed25519', commonName: 'ntf.example.org' } as const
const create = (more: object = {}) => createNtfIdentity(files(), at('ca.key'), { ...options, ...more })
const renew = (more: object = {}) => renewNtfCertificate(files(), at('ca.key'), { ...options, ...more })
const read = () => readNtfIdentity(files())
const usage = (message: RegExp) =>
  expect.objectContaining({ code: exitCodes.usage, message: expect.stringMatching(message) })

describe('the identity for the NTF protocol', () => {
  it.each(['ed25519', 'ed448'] as const)('of %s is a chain that clients accept, in files of its owner', (algorithm) => {
    create({ algorithm })
    const identity = read()
    expect(checkServerChain(identity.certChain, identity.fingerprint).equals(identity.privateKey.publicKey)).toBe(true)
    expect(identity.privateKey.algorithm).toBe(algorithm)
    expect(readNtfFingerprint(files())).toEqual(identity.fingerprint)
    const [online, ca] = identity.certChain.map((der) => new X509Certificate(der))
    expect(online?.subject).toBe('CN=ntf.example.org')
    expect(ca?.subject).toBe('CN=SMP server CA\nO=SimpleX')
    expect(fs.readdirSync(folder).sort()).toEqual(['ca.key', 'server.crt', 'server.key'])
    for (const name of fs.readdirSync(folder)) expect(fs.statSync(at(name)).mode & 0o777).toBe(0o600)
  })

  it('stays when the online certificate is renewed, also with another algorithm', () => {
    create({ algorithm: 'ed448' })
    const before = read()
    renew()
    const after = read()
    expect(after.fingerprint).toEqual(before.fingerprint)
    expect(after.certChain[1]).toEqual(before.certChain[1])
    expect(after.certChain[0]).not.toEqual(before.certChain[0])
    expect(after.privateKey.algorithm).toBe('ed25519')
    expect(fs.readdirSync(folder).sort()).toEqual(['ca.key', 'server.crt', 'server.key'])
  })

  it('is refused while key and certificate do not fit, which renewing mends', () => {
    create()
    const key = fs.readFileSync(at('server.key'))
    renew()
    fs.writeFileSync(at('server.key'), key)
    expect(read).toThrow(usage(/^ntf\.certificate_file: .* cannot be used, the command ntf-cert renews it/))
    renew()
    expect(read).not.toThrow()
  })

  it('is never overwritten, and made whole or not at all', () => {
    create()
    const before = fs.readdirSync(folder).map((name) => fs.readFileSync(at(name), 'utf8'))
    expect(create).toThrow(usage(/there is no .*server\.crt, .*server\.key, .*ca\.key/))
    expect(fs.readdirSync(folder).map((name) => fs.readFileSync(at(name), 'utf8'))).toEqual(before)
    fs.rmSync(at('server.crt'))
    expect(create).toThrow(usage(/server\.key, .*ca\.key/))
    expect(fs.existsSync(at('server.crt'))).toBe(false)
  })

  it('is renewed by its own key alone', () => {
    create()
    const before = fs.readFileSync(at('server.crt'), 'utf8')
    fs.renameSync(at('ca.key'), at('moved.key'))
    expect(renew).toThrow(usage(/^--ca-key: the file .*ca\.key cannot be read$/))
    fs.copyFileSync(at('server.key'), at('ca.key'))
    expect(renew).toThrow(usage(/^--ca-key: expected the key of the identity/))
    expect(fs.readFileSync(at('server.crt'), 'utf8')).toBe(before)
  })

  it.each([
    ['server.crt', '', /ntf\.certificate_file: expected .* 2 to 4 certificates, got 0$/],
    ['server.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'.repeat(2), /ntf\.certificate_file/],
    ['server.key', 'hunter2', /^ntf\.key_file: expected in .* a private key of Ed25519 or Ed448, in PEM$/],
    ['server.key', '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n', /^ntf\.key_file: expected/],
  ])('says what is wrong with %s %j, and not what is in there', (name, text, message) => {
    create()
    fs.writeFileSync(at(name), text)
    expect(read).toThrow(usage(message))
    expect(read).not.toThrow(/hunter2/)
  })

  it('says which command makes it where there is none', () => {
    expect(read).toThrow(usage(/^ntf\.certificate_file: the file .* cannot be read, the command ntf-cert makes it$/))
  })
})
