// Spec 20 §14, §13: the worked examples, byte by byte.
import { dh, isAuthKey, PrivateKey, type PublicKey, sha256 } from '@smpkit/crypto'
import { encode, pad, toHex, Writer } from '@smpkit/encoding'
import { parseHost } from '@smpkit/smp-commands/address'
import { expect, test } from 'vitest'
import { parseNtfAddress } from './address.js'
import { authorizeNtf, checkNtfAuthorization } from './authorization.js'
import { packCommands, packResponses } from './batch.js'
import { type NtfCommand, ntfCommandFormat } from './commands.js'
import { ntfClientHello } from './hellos.js'
import { receiveCommands } from './receive.js'
import { writeResponse } from './respond.js'
import { type NtfResponse, ntfResponseFormat } from './responses.js'
import type { NtfServerEnd } from './session.js'
import { type NtfVersion, ntfBlockSize, ntfVersions } from './versions.js'

/** Bytes that count up. */
const from = (first: number, count: number) => Uint8Array.from({ length: count }, (_, i) => first + i)

const tokenKey = PrivateKey.fromRaw('ed25519', from(0x01, 32))
const clientDh = PrivateKey.fromRaw('x25519', from(0x21, 32))
const serverDh = PrivateKey.fromRaw('x25519', from(0x41, 32))
const sessionId = from(0xa0, 32)
const corrId = from(0x00, 24)
const tokenId = from(0x10, 24)
const keyHash = from(0x40, 32)
const token = new TextEncoder().encode('0123456789abcdef'.repeat(4))
const none = new Uint8Array(0)

const tnew: NtfCommand = {
  tag: 'TNEW',
  provider: 'AP',
  token,
  authKey: tokenKey.publicKey,
  dhKey: clientDh.publicKey,
}
const edSpki = `302a300506032b6570032100${toHex(tokenKey.publicKey.toRaw())}`
const spki = (key: PublicKey) => `302a300506032b656e032100${toHex(key.toRaw())}`
const tnewHex = `544e45572054415040${toHex(token)}2c${edSpki}2c${spki(clientDh.publicKey)}`
const signature =
  '07f96328235c87a693217885074b87d02ff935139d048fb096513278feee1cdd7c5746be9d0cae21752fbbd210ff59e5f040f5a237c79b64bd72e94e55531d06'

const sessionOf = (version: NtfVersion): NtfServerEnd => ({ version, sessionId, sessionKey: serverDh })
const sendTnew = (version: NtfVersion) =>
  authorizeNtf({ version, sessionId, serverKey: null }, { corrId, entityId: none, command: tnew, key: tokenKey })

function hexOf(value: NtfCommand): string {
  const writer = new Writer()
  ntfCommandFormat(ntfVersions.max).write(writer, value)
  return toHex(writer.view())
}

function responseHex(value: NtfResponse): string {
  const writer = new Writer()
  ntfResponseFormat(ntfVersions.max).write(writer, value)
  return toHex(writer.view())
}

const blockHash = (content: Uint8Array) => toHex(sha256(pad(content, ntfBlockSize)))

test('keys and the shared secret', () => {
  expect(toHex(tokenKey.publicKey.toRaw())).toBe('79b5562e8fe654f94078b112e8a98ba7901f853ae695bed7e0e3910bad049664')
  expect(toHex(clientDh.publicKey.toRaw())).toBe('5869aff450549732cbaaed5e5df9b30a6da31cb0e5742bad5ad4a1a768f1a67b')
  expect(toHex(serverDh.publicKey.toRaw())).toBe('64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d48466')
  const secret = 'b6ddcb217f2edb78fe01f0d967925f1e3fda132789e4566ddc2abcd3e2fd9526'
  expect(toHex(dh(clientDh, serverDh.publicKey))).toBe(secret)
  expect(toHex(dh(serverDh, clientDh.publicKey))).toBe(secret)
})

test('TNEW: command, signature, transmission and block', () => {
  expect(hexOf(tnew)).toBe(tnewHex)
  expect(tnewHex.length / 2).toBe(163)
  const { authorization, authorized, transmission } = sendTnew(ntfVersions.max)
  expect(toHex(authorized)).toBe(`20${toHex(sessionId)}18${toHex(corrId)}00${tnewHex}`)
  expect(toHex(authorization)).toBe(signature)
  expect(toHex(transmission)).toBe(`40${signature}18${toHex(corrId)}00${tnewHex}`)
  expect(transmission.length).toBe(254)
  const [block] = packCommands(ntfVersions.max, [transmission])
  if (!block || 'error' in block) throw new Error('expected a block')
  expect(toHex(block.content)).toBe(`0100fe${toHex(transmission)}`)
  expect(toHex(pad(block.content, ntfBlockSize))).toMatch(/^01010100fe4007f963.*23$/)
  expect(blockHash(block.content)).toBe('ed2e333700e7f577cf4181d39b592ffff39260512b00735b82a1a259382db8d0')
  const end = sessionOf(ntfVersions.max)
  const [received] = receiveCommands(end, block.content)
  if (!received || 'error' in received || received.command.tag !== 'TNEW') throw new Error('expected TNEW')
  expect(isAuthKey(received.command.authKey)).toBe(true)
  expect(checkNtfAuthorization(end, received, received.command.authKey)).toBe(true)
})

test('TNEW in version 1 has the session id inside, and the same signature', () => {
  const { transmission } = sendTnew(ntfVersions.min)
  expect(toHex(transmission)).toBe(`40${signature}20${toHex(sessionId)}18${toHex(corrId)}00${tnewHex}`)
  expect(transmission.length).toBe(287)
  const [block] = packCommands(ntfVersions.min, [transmission])
  if (!block || 'error' in block) throw new Error('expected a block')
  expect(toHex(pad(block.content, ntfBlockSize))).toMatch(/^011f40.*2323$/)
  expect(blockHash(block.content)).toBe('4f76b62bd694f90ed8ec099e5cffca6c1bcae5925401b5a7c33c61f4f40de4c7')
})

test('IDTKN', () => {
  const response: NtfResponse = { tag: 'IDTKN', tokenId, dhKey: serverDh.publicKey }
  const transmission = writeResponse(sessionOf(ntfVersions.max), { corrId, entityId: none, response })
  const command = `4944544b4e2018${toHex(tokenId)}2c${spki(serverDh.publicKey)}`
  expect(command.length / 2).toBe(76)
  expect(packResponses(ntfVersions.max, [transmission]).map(toHex)).toEqual([`0100670018${toHex(corrId)}00${command}`])
})

test('TCRN, TVFY and SNEW', () => {
  expect(hexOf({ tag: 'TCRN', minutes: 20 })).toBe('5443524e200014')
  expect(hexOf({ tag: 'TVFY', code: from(0xc0, 32) })).toBe(`545646592020${toHex(from(0xc0, 32))}`)
  const snew = hexOf({
    tag: 'SNEW',
    tokenId,
    server: { hosts: [parseHost('smp.example.com')], port: '', keyHash },
    notifierId: from(0x60, 24),
    notifierKey: PrivateKey.fromRaw('ed25519', from(0x61, 32)),
  })
  expect(snew).toBe(
    `534e45572053` +
      `18${toHex(tokenId)}010f736d702e6578616d706c652e636f6d0020${toHex(keyHash)}` +
      `18${toHex(from(0x60, 24))}30302e020100300506032b657004220420${toHex(from(0x61, 32))}`,
  )
  expect(snew.length / 2).toBe(156)
})

test('the hello of a client', () => {
  const hello = encode(ntfClientHello, { version: 3, keyHash })
  expect(toHex(hello)).toBe(`000320${toHex(keyHash)}`)
  expect(hello.length).toBe(35)
  expect(blockHash(hello)).toBe('3639bbc4111df4354625d8f5d7c8f3a12b872003ab89b5cfe99b93d383f952de')
})

test('two responses in one block', () => {
  const end = sessionOf(ntfVersions.max)
  const subscriptionId = from(0x28, 24)
  const contents = packResponses(ntfVersions.max, [
    writeResponse(end, { corrId, entityId: tokenId, response: { tag: 'TKN', status: 'ACTIVE', reason: null } }),
    writeResponse(end, {
      corrId: from(0x18, 24),
      entityId: subscriptionId,
      response: { tag: 'ERR', error: { code: 'AUTH' } },
    }),
  ])
  expect(contents.map(toHex)).toEqual([
    `02003d0018${toHex(corrId)}18${toHex(tokenId)}544b4e20414354495645` +
      `003b0018${toHex(from(0x18, 24))}18${toHex(subscriptionId)}4552522041555448`,
  ])
  expect(contents[0]?.length).toBe(125)
})

test('statuses', () => {
  const text = (response: NtfResponse) => Buffer.from(responseHex(response), 'hex').toString()
  expect(text({ tag: 'TKN', status: 'ACTIVE', reason: null })).toBe('TKN ACTIVE')
  expect(text({ tag: 'TKN', status: 'INVALID', reason: 'UNREGISTERED' })).toBe('TKN INVALID,UNREGISTERED')
  expect(text({ tag: 'SUB', status: 'PENDING', errorText: null })).toBe('SUB PENDING')
  const errorText = new TextEncoder().encode('SMP error QUOTA')
  expect(text({ tag: 'SUB', status: 'ERR', errorText })).toBe('SUB ERR SMP error QUOTA')
})

test('an address that is published', () => {
  const onion = '5ex3mupcazy3zlky64ab27phjhijpemsiby33qzq3pliejipbtx5xgad.onion'
  const { hosts, port, keyHash } = parseNtfAddress(
    `ntf://FB-Uop7RTaZZEG0ZLD2CIaTjsPh-Fw0zFAnb7QyA8Ks=@ntf2.simplex.im,${onion}`,
  )
  expect(hosts.map(({ text }) => text)).toEqual(['ntf2.simplex.im', onion])
  expect([port, keyHash.length]).toEqual(['', 32])
})
