import { PrivateKey } from '@smpkit/crypto'
import { EncodeError } from '@smpkit/encoding'
import { parseHost } from '@smpkit/smp-commands/address'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  agreeVersions,
  type ContactRequest,
  connectionRequest,
  connectionRequestToText,
  type InvitationRequest,
  parseConnectionRequest,
} from './connection-request.js'
import { LinkError } from './errors.js'
import * as any from './testing/arbitraries.js'
import { expectNoPrefix, expectOnlyDecodeErrors, expectRoundTrip } from './testing/codecs.js'

const queue = {
  versionRange: { min: 1, max: 4 },
  server: { hosts: [parseHost('smp.example.com')], port: '', keyHash: new Uint8Array(32).fill(0xaa) },
  senderId: new Uint8Array(24).fill(0xbb),
  dhKey: PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(1)).publicKey,
  queueMode: 'contact' as const,
}
const contact: ContactRequest = {
  type: 'contact',
  agentVersions: { min: 2, max: 7 },
  queues: [queue],
  clientData: null,
}
const x448 = PrivateKey.fromRaw('x448', new Uint8Array(56).fill(1)).publicKey
const invitation: InvitationRequest = {
  ...contact,
  type: 'invitation',
  e2e: { versions: { min: 2, max: 3 }, key1: x448, key2: x448, kem: null },
}
const text = connectionRequestToText(contact)

describe('text', () => {
  test('the contact link of the spec, but for the key', () => {
    expect(text).toMatch(
      /^simplex:\/contact#\/\?v=2-7&smp=smp%3A%2F%2Fqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo%3D%40smp\.example\.com%2Fu7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7%23%2F%3Fv%3D1-4%26dh%3D[\w-]+%253D%26q%3Dc$/,
    )
  })

  test('every request reads back, with either scheme', () => {
    fc.assert(
      fc.property(any.connectionRequest, (request) => {
        for (const scheme of ['simplex:', 'https://a.example:8443'] as const) {
          const written = connectionRequestToText(request, scheme)
          expect(parseConnectionRequest(written)).toEqual(request)
          expect(connectionRequestToText(parseConnectionRequest(written), scheme)).toBe(written)
        }
      }),
    )
  })

  test.each([
    ['a space behind it', `${text} `],
    ['a newline behind it', `${text}\n`],
    ['a scheme in capitals', text.replace('simplex:', 'SIMPLEX:')],
    ['plain http', text.replace('simplex:', 'http://a.example')],
    ['a path before the type', text.replace('simplex:', 'https://a.example/b')],
    ['another type', text.replace('contact', 'group')],
    ['no queue', 'simplex:/contact#/?v=2-7'],
    ['no versions', text.replace('v=2-7', 'w=2-7')],
    ['versions upside down', text.replace('v=2-7', 'v=7-2')],
    ['versions that wrap', text.replace('v=2-7', 'v=65536')],
    ['an empty second queue', text.replace('smp=', 'smp=%3B')],
    ['an invitation without keys', text.replace('contact', 'invitation')],
    ['an invitation with keys that are none', `${text.replace('contact', 'invitation')}&e2e=v%3D2`],
  ])('refuses %s', (_, wrong) => {
    expect(() => parseConnectionRequest(wrong)).toThrow(expect.objectContaining({ name: 'LinkError', code: 'SYNTAX' }))
  })

  test('refuses every part of a link but the one that lacks only padding', () => {
    const whole = connectionRequestToText(invitation)
    for (let length = 0; length < whole.length; length++) {
      if (length === whole.length - '%3D'.length) continue
      expect(() => parseConnectionRequest(whole.slice(0, length))).toThrow(LinkError)
    }
  })

  test('refuses more characters than any link has', () => {
    expect(() => parseConnectionRequest(`${text}&data=${'x'.repeat(70000)}`)).toThrow(
      expect.objectContaining({ code: 'LENGTH' }),
    )
  })

  test('an address for version 1 is read as one for version 2, an invitation as it is', () => {
    const versions = { min: 1, max: 1 }
    const read = (request: ContactRequest | InvitationRequest) =>
      parseConnectionRequest(connectionRequestToText({ ...request, agentVersions: versions })).agentVersions
    expect(read(contact)).toEqual({ min: 2, max: 2 })
    expect(read(invitation)).toEqual(versions)
  })

  test('the keys of an address are not looked at', () => {
    expect(parseConnectionRequest(`${text}&e2e=garbage`)).toEqual(contact)
  })

  test('mutated texts give a request or a LinkError', () => {
    const texts = fc
      .tuple(
        any.connectionRequest.map((r) => connectionRequestToText(r)),
        fc.nat(),
        fc.nat(4),
        fc.string({ maxLength: 4 }),
      )
      .map(([whole, at, drop, put]) => {
        const from = at % whole.length
        return whole.slice(0, from) + put + whole.slice(from + drop)
      })
    fc.assert(
      fc.property(texts, (changed) => {
        try {
          expect(parseConnectionRequest(changed)).toHaveProperty('queues')
        } catch (error) {
          expect(error).toBeInstanceOf(LinkError)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('is not written with a path in the scheme, no queue, or half a character', () => {
    expect(() => connectionRequestToText(contact, 'https://a.example/b')).toThrow(EncodeError)
    expect(() => connectionRequestToText({ ...contact, queues: [] })).toThrow(EncodeError)
    expect(() => connectionRequestToText({ ...contact, clientData: '\ud800' })).toThrow(EncodeError)
  })
})

describe('binary', () => {
  test('every request reads back', () => expectRoundTrip(connectionRequest, any.connectionRequest))
  test('no part of a request is a request', () => expectNoPrefix(connectionRequest, any.contactRequest))
  test('other bytes are a request or a DecodeError', () =>
    expectOnlyDecodeErrors(connectionRequest, any.connectionRequest))

  test('the mode contact, which a range from 1 cannot say, is what no mode means', () => {
    expectRoundTrip(connectionRequest, fc.constant(contact))
  })
})

describe('versions', () => {
  const versions = (min: number, max: number) => ({ min, max })

  test('the highest common ones', () => {
    expect(agreeVersions(invitation)).toEqual({ agentVersion: 7, clientVersion: 4, e2eVersion: 3 })
    expect(agreeVersions({ ...contact, agentVersions: versions(2, 5) })).toEqual({
      agentVersion: 5,
      clientVersion: 4,
      e2eVersion: null,
    })
  })

  test.each([
    ['agent versions 8-9; we speak 2-7', { ...contact, agentVersions: versions(8, 9) }],
    ['agent versions 1; we speak 2-7', { ...invitation, agentVersions: versions(1, 1) }],
    ['queue versions 5-6; we speak 1-4', { ...contact, queues: [{ ...queue, versionRange: versions(5, 6) }] }],
    ['encryption versions 4; we speak 2-3', { ...invitation, e2e: { ...invitation.e2e, versions: versions(4, 4) } }],
  ])('none in common: %s', (why, request) => {
    expect(() => agreeVersions(request)).toThrow(
      expect.objectContaining({ code: 'VERSION', message: `the link is for ${why}` }),
    )
  })
})
