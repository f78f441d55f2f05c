import { Agent } from 'node:https'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readFcmAnswer } from '../fcm/answer.js'
import { fcmBody } from '../fcm/body.js'
import { postHttps } from '../http.js'
import { checkMessagesData } from '../notification-data.js'
import { type FcmFake, startFcmFake } from './fcm-fake.js'

let fake: FcmFake
let agent: Agent
beforeEach(async () => {
  fake = await startFcmFake()
  agent = new Agent({ ca: [fake.options.ca].flat() })
})
afterEach(async () => {
  agent.destroy()
  await fake.close()
})

async function post(path: string, body: string, type = 'application/json') {
  const { host, port } = fake.options
  const headers = { 'content-type': type, authorization: 'Bearer none' }
  const options = { signal: new AbortController().signal, timeoutMs: 5000 }
  const reply = await postHttps({ agent, host, port, path, headers }, body, options)
  if ('failed' in reply) throw new Error(reply.failed)
  return reply
}
const send = (body: string, type?: string) => post('/v1/projects/fake-project/messages:send', body, type)

test('a message of the right form needs an access token', async () => {
  expect((await send(fcmBody('check', 'device', checkMessagesData))).status).toBe(401)
})

const good = JSON.parse(fcmBody('check', 'device', checkMessagesData)).message
test.each([
  ['no JSON', 'text'],
  ['no message', '{}'],
  ['no token', JSON.stringify({ message: { ...good, token: undefined } })],
  ['a token that is no text', JSON.stringify({ message: { ...good, token: 7 } })],
  ['an unknown member', JSON.stringify({ message: { ...good, priority: 'HIGH' } })],
  ['an unknown member beside the message', JSON.stringify({ message: good, id: 'id' })],
])('%s is an invalid argument, which says nothing about the token', async (_, body) => {
  expect(readFcmAnswer(await send(body), 0)).toEqual({ outcome: 'refused', reason: 'http-400' })
})

test('other content and other paths are not taken', async () => {
  const body = fcmBody('check', 'device', checkMessagesData)
  expect((await send(body, 'text/plain')).status).toBe(400)
  expect((await post('/v1/projects/other/messages:send', body)).status).toBe(404)
})

test.each([
  '',
  'grant_type=client_credentials',
  'grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer',
  'grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c',
])('%j gives no access token', async (form) => {
  expect((await post('/token', form, 'application/x-www-form-urlencoded')).status).toBe(400)
})
