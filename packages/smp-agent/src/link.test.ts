import { EncodeError } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LinkError } from './errors.js'
import { type Link, linkToText, parseLink } from './link.js'
import * as any from './testing/arbitraries.js'

const key = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY'
const short = `https://smp.example.com/a#${key}?p=5223&c=${key}`

const versions = { agentVersions: { min: 2, max: 7 } }
const link: fc.Arbitrary<Link> = fc.oneof(
  any.connectionRequest.map((request) => ({ form: 'full' as const, ...request, ...versions })),
  any.shortLink().map((shortLink) => ({ form: 'short' as const, ...shortLink })),
)

test('every link reads back, also from the middle of white space', () => {
  fc.assert(
    fc.property(link, (value) => {
      expect(parseLink(`\n ${linkToText(value)}\t`)).toEqual(value)
    }),
  )
})

test('a full link may begin with a web address', () => {
  const [value] = fc.sample(any.contactRequest, 1)
  if (!value) throw new Error('expected a sample')
  const full = { form: 'full', ...value, ...versions } as const
  const text = linkToText(full, { scheme: 'https://simplex.chat' })
  expect(text).toMatch(/^https:\/\/simplex\.chat\/contact#/)
  expect(parseLink(text)).toEqual(full)
})

const texts = (type: Link['type']) => {
  const [value] = fc.sample(
    link.filter((l) => l.form === 'full' && l.type === type),
    1,
  )
  if (!value) throw new Error('expected a sample')
  return linkToText(value)
}

test.each([
  ['no text', '  ', 'SYNTAX', 'got no text'],
  ['words', 'come and see', 'SYNTAX', 'white space'],
  ['another text', 'https://example.com/', 'SYNTAX', 'expected a link'],
  ['two links', `${short} ${short}`, 'SYNTAX', 'white space'],
  ['a cut short link', short.slice(0, 40), 'SYNTAX', 'a short link that is whole'],
  ['a short link that is cut between bytes', short.slice(0, 46), 'SYNTAX', 'key of 32 bytes'],
  ['a short link that is cut in its server', short.slice(0, -3), 'SYNTAX', 'fingerprint of 32 bytes'],
  ['a cut full link', texts('invitation').slice(0, 150), 'SYNTAX', 'full link'],
  ['a book', 'x'.repeat(70000), 'LENGTH', 'expected a link, got text of 70000 characters'],
  ['a link from the future', texts('contact').replace('v=2-7', 'v=8-9'), 'VERSION', 'agent versions 8-9; we speak 2-7'],
])('%s is refused with words', (_, text, code, message) => {
  expect(() => parseLink(text)).toThrow(
    expect.objectContaining({ name: 'LinkError', code, message: expect.stringContaining(message) }),
  )
})

test('only a link of the type that is asked for will do', () => {
  expect(parseLink(short, { type: 'contact' }).type).toBe('contact')
  expect(() => parseLink(short, { type: 'invitation' })).toThrow(
    expect.objectContaining({ code: 'TYPE', message: 'expected a one-time invitation, got a contact address' }),
  )
  expect(() => parseLink(texts('invitation'), { type: 'contact' })).toThrow(expect.objectContaining({ code: 'TYPE' }))
})

test('no message of an error holds a key', () => {
  for (const text of [`${short}=`, `${short}&p=x y`, short.replace('#', '#/'), short.replace('a#', 'i#')]) {
    try {
      parseLink(text)
    } catch (error) {
      expect(error).toBeInstanceOf(LinkError)
      expect(String(error)).not.toContain(key.slice(0, 10))
    }
  }
})

test('a link whose parts cannot be written is refused', () => {
  const [value] = fc.sample(any.shortContactLink(), 1)
  if (!value) throw new Error('expected a sample')
  expect(() => linkToText({ form: 'short', ...value, linkKey: new Uint8Array(0) })).toThrow(EncodeError)
})
