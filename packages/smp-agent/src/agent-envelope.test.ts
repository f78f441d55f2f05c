import { DecodeError, decode, encode, toHex } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { agentEnvelope } from './agent-envelope.js'
import { connectionRequestToText } from './connection-request.js'
import * as any from './testing/arbitraries.js'
import { expectOnlyDecodeErrors, expectRoundTrip } from './testing/codecs.js'

test('every envelope reads back', () => expectRoundTrip(agentEnvelope, any.agentEnvelope))

test('other bytes are an envelope or a DecodeError', () => expectOnlyDecodeErrors(agentEnvelope, any.agentEnvelope))

test('the answer to a confirmation has a 0 where the parameters are not', () => {
  const encConnInfo = Uint8Array.of(1, 2)
  const bytes = encode(agentEnvelope, { agentVersion: 7, type: 'confirmation', e2eParams: null, encConnInfo })
  expect(toHex(bytes)).toBe('000743300102')
})

/** An invitation envelope with this text in the place of the link. */
const invitation = (text: string) => {
  const utf8 = new TextEncoder().encode(text)
  return Uint8Array.of(0, 7, 0x49, utf8.length >> 8, utf8.length & 255, ...utf8)
}

test('the request of an invitation is the text of an invitation, with either scheme', () => {
  fc.assert(
    fc.property(any.invitationRequest, (request) => {
      for (const scheme of ['simplex:', 'https://simplex.chat'] as const) {
        const envelope = decode(agentEnvelope, invitation(connectionRequestToText(request, scheme)))
        expect(envelope).toMatchObject({ type: 'invitation', connReq: request })
      }
    }),
    { numRuns: 20 },
  )
})

test('a contact address, another text and no UTF-8 in its place are refused', () => {
  const [contact] = fc.sample(any.contactRequest, 1)
  if (!contact) throw new Error('expected a sample')
  const texts = [connectionRequestToText(contact), 'simplex:/invitation#/?v=2-7', '', `simplex:/${'x'.repeat(20000)}`]
  for (const text of texts) expect(() => decode(agentEnvelope, invitation(text))).toThrow(DecodeError)
  expect(() => decode(agentEnvelope, Uint8Array.of(0, 7, 0x49, 0, 1, 0xff))).toThrow(DecodeError)
})
