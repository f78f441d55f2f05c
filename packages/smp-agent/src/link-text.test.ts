import { DecodeError } from '@smpkit/encoding'
import { AddressError } from '@smpkit/smp-commands/address'
import { expect, test } from 'vitest'
import { maxLinkLength, readLink, requireLinkLength } from './link-text.js'

const linkError = (code: string) => expect.objectContaining({ name: 'LinkError', code })

test('a text is measured before it is read', () => {
  expect(() => requireLinkLength('x'.repeat(maxLinkLength))).not.toThrow()
  expect(() => requireLinkLength('x'.repeat(maxLinkLength + 1))).toThrow(linkError('LENGTH'))
})

test('what is read are the groups of the pattern', () => {
  expect(readLink('a-b', 'a pair', /^(\w)-(\w)$/, ([, a, b]) => [b, a])).toEqual(['b', 'a'])
  expect(() => readLink('ab', 'a pair', /^(\w)-(\w)$/, () => [])).toThrow(linkError('SYNTAX'))
})

test('errors of the parts become errors of the link, others stay', () => {
  for (const cause of [new DecodeError('invalid', 'expected base64url', 0), new AddressError('expected a host')]) {
    const read = () => {
      throw cause
    }
    expect(() => readLink('', 'a link', /^/, read)).toThrow(expect.objectContaining({ code: 'SYNTAX', cause }))
  }
  const bug = new TypeError('a mistake')
  expect(() =>
    readLink('', 'a link', /^/, () => {
      throw bug
    }),
  ).toThrow(bug)
})
