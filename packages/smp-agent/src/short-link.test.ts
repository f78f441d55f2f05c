import { EncodeError, encode, toHex } from '@smpkit/encoding'
import { parseHost, type ServerAddress } from '@smpkit/smp-commands/address'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LinkError } from './errors.js'
import {
  parseShortLink,
  requireServer,
  restoreLink,
  type ShortContactLink,
  type ShortInvitationLink,
  shortenLink,
  shortLink,
  shortLinkToText,
} from './short-link.js'
import * as any from './testing/arbitraries.js'
import { expectNoPrefix, expectOnlyDecodeErrors, expectRoundTrip } from './testing/codecs.js'

const ascii = (text: string) => new TextEncoder().encode(text)
const onion = 'o5vmywmrnaxalvz6wi3zicyftgio6psuvyniis6gco6bp6ekl4cqj4id.onion'
const server: ServerAddress = {
  hosts: ['smp.simplex.im', onion].map(parseHost),
  port: '5223',
  keyHash: Uint8Array.of(0xd7, 0x6d, 0xf8, 0xfb),
}
const linkKey = ascii('0123456789abcdef0123456789abcdef')
const invitation: ShortInvitationLink = {
  type: 'invitation',
  scheme: 'server',
  server,
  linkId: ascii('0123456789abcdef01234567'),
  linkKey,
}
const contact: ShortContactLink = { type: 'contact', scheme: 'simplex', contactType: 'address', server, linkKey }
const key = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY'

test('the examples of the spec', () => {
  const invitationText = `https://smp.simplex.im/i#MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3/${key}?h=${onion}&p=5223&c=1234-w`
  const contactText = `simplex:/a#${key}?h=smp.simplex.im%2C${onion}&p=5223&c=1234-w`
  expect([invitation, contact].map(shortLinkToText)).toEqual([invitationText, contactText])
  expect([invitationText, contactText].map(parseShortLink)).toEqual([invitation, contact])
})

test('every link reads back from its text', () => {
  fc.assert(
    fc.property(any.shortLink(), (link) => {
      expect(parseShortLink(shortLinkToText(link))).toEqual(link)
    }),
  )
})

describe('binary', () => {
  const links = any.shortLink(fc.constant('server'))

  test('every link reads back, without its scheme', () => {
    expectRoundTrip(shortLink, links)
    expect(toHex(encode(shortLink, contact))).toBe(toHex(encode(shortLink, { ...contact, scheme: 'server' })))
  })

  test('no part of a link is a link', () => expectNoPrefix(shortLink, links))
  test('other bytes are a link or a DecodeError', () => expectOnlyDecodeErrors(shortLink, links))
})

describe('text', () => {
  test.each([
    ['nothing', ''],
    ['an unknown type', `https://a.example/x#${key}`],
    ['an upper-case I', `https://a.example/I#AAAA/${key}`],
    ['an invitation without its id', `https://a.example/i#${key}`],
    ['a contact link with an id', `https://a.example/a#AAAA/${key}`],
    ['an empty key', 'https://a.example/a#'],
    ['simplex: without a server', `simplex:/a#${key}`],
    ['simplex: with an empty list of hosts', `simplex:/a#${key}?h=`],
    ['a port in the authority', `https://a.example:443/a#${key}`],
    ['a port that wraps', `https://a.example/a#${key}?p=65536`],
    ['a port that is no number', `https://a.example/a#${key}?p=-1`],
    ['an empty port', `https://a.example/a#${key}?p=`],
    ['an empty key hash', `https://a.example/a#${key}?c=`],
    ['a host that is none', `https://a.example/a#${key}?h=b.example,`],
    ['a space', `https://a.example/a#${key} `],
    ['a newline', `https://a.example/a#${key}\n`],
    ['another scheme', `http://a.example/a#${key}`],
    ['padding that is not whole', `https://a.example/a#${key}==`],
  ])('refuses %s', (_, text) => {
    expect(() => parseShortLink(text)).toThrow(expect.objectContaining({ name: 'LinkError', code: 'SYNTAX' }))
  })

  test('refuses more characters than any link has, before it looks at them', () => {
    expect(() => parseShortLink(`https://a.example/a#${'A'.repeat(70000)}`)).toThrow(
      expect.objectContaining({ code: 'LENGTH' }),
    )
  })

  test('mutated texts give a link or a LinkError', () => {
    const texts = fc
      .tuple(any.shortLink().map(shortLinkToText), fc.nat(), fc.nat(4), fc.string({ maxLength: 4 }))
      .map(([text, at, drop, put]) => {
        const from = at % text.length
        return text.slice(0, from) + put + text.slice(from + drop)
      })
    fc.assert(
      fc.property(fc.oneof(texts, fc.string()), (text) => {
        try {
          expect(parseShortLink(text)).toHaveProperty('linkKey')
        } catch (error) {
          expect(error).toBeInstanceOf(LinkError)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('IPv6 stands in brackets before the path', () => {
    const link = { ...invitation, server: { ...server, hosts: [parseHost('::1')] } }
    expect(shortLinkToText(link)).toMatch(/^https:\/\/\[::1\]\/i#/)
    expect(parseShortLink(shortLinkToText(link))).toEqual(link)
  })

  test.each([
    ['no host', { ...contact, server: { ...server, hosts: [] } }],
    ['a port that is no number', { ...contact, server: { ...server, port: 'http' } }],
    ['a port that is none', { ...contact, server: { ...server, port: '65536' } }],
    ['an empty key', { ...contact, linkKey: new Uint8Array(0) }],
    ['an empty id', { ...invitation, linkId: new Uint8Array(0) }],
  ])('is not written with %s', (_, link) => {
    expect(() => shortLinkToText(link)).toThrow(EncodeError)
  })
})

describe('preset servers', () => {
  const presets = [{ ...server, port: '' }]
  const bare = { hosts: [parseHost('smp.simplex.im')], port: '', keyHash: new Uint8Array(0) }

  test('a link of one is shortened to its first host, and restored', () => {
    for (const port of ['', '443', '5223']) {
      expect(shortenLink({ ...contact, server: { ...server, port } }, presets).server).toEqual(bare)
    }
    expect(restoreLink({ ...contact, server: bare }, presets).server).toEqual(presets[0])
    expect(requireServer({ ...contact, server: bare }, presets).server).toEqual(presets[0])
  })

  test.each([
    ['port', { ...server, port: '444' }],
    ['key hash', { ...server, keyHash: Uint8Array.of(1) }],
    ['host', { ...server, hosts: [...server.hosts, parseHost('other.example')] }],
    ['first host', { ...server, hosts: [...server.hosts].reverse() }],
  ])('a link with another %s is left as it is', (_, other) => {
    const link = { ...contact, server: other }
    expect(shortenLink(link, presets)).toBe(link)
    expect(restoreLink(link, presets)).toBe(link)
    expect(requireServer(link, [])).toBe(link)
  })

  test('a link that names only a host that is no preset says what to add', () => {
    const link = { ...contact, server: bare }
    expect(restoreLink(link, [])).toBe(link)
    expect(() => requireServer(link, [])).toThrow(
      expect.objectContaining({ code: 'SERVER', message: expect.stringContaining('add smp://keyHash@smp.simplex.im') }),
    )
  })
})
