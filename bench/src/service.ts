// Spec 30 §1: what the codec costs beside JSON itself.
import { randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { encodeRequest, encodeResponse, newId, readMessage } from '@smpkit/service-protocol'
import { type Bench, compare, row } from './harness.js'

const id = newId()
const resource = '/ntf/subscriptions'
const data = {
  server: 'smp://QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=@smp.example.com:5223',
  notifierId: toBase64url(randomBytes(24)),
  notifierKey: toBase64url(randomBytes(48)),
  token: { id: toBase64url(randomBytes(24)) },
  wait: 15,
}
const answer = { resource: `${resource}/${toBase64url(randomBytes(24))}`, status: 'active' }

const values = [
  { v: '1', msgId: id, event: 's.post', params: { resource, data } },
  { v: '1', event: 's.created', params: { ref: id, data: answer } },
]

export const service: Bench = {
  name: 's.* messages, encode and decode',
  async run() {
    const measured = compare(
      () => {
        readMessage(encodeRequest({ id, method: 'post', resource, data }))
        readMessage(encodeResponse({ ref: id, status: 'created', data: answer }))
      },
      () => {
        for (const value of values) JSON.parse(JSON.stringify(value))
      },
    )
    return [row('s.* request and answer, encode and decode', 'pairs/s', measured, 0.5)]
  },
}
