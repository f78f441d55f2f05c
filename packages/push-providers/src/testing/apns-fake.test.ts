import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { type ClientHttp2Session, connect } from 'node:http2'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { apnsBody, apnsHeaders } from '../apns/body.js'
import { signJwt } from '../jwt.js'
import { checkMessagesData, type PushKind } from '../notification-data.js'
import { type ApnsFake, startApnsFake } from './apns-fake.js'
import { push, start } from './apns-sending.js'

let fake: ApnsFake
let session: ClientHttp2Session
let jwt: string

beforeEach(async () => {
  fake = await startApnsFake()
  const { host, port, ca, key, keyId, teamId } = fake.options
  session = connect(`https://${host}:${port}`, { ca: [ca ?? ''].flat() })
  const claims = { iss: teamId, iat: Math.floor(Date.now() / 1000) }
  jwt = await signJwt(createPrivateKey(key), { algorithm: 'ES256', keyId }, claims)
})
afterEach(async () => {
  session.destroy()
  await fake.close()
})

/** Sends a push as it should be, but for what is changed: headers without a value are left out. */
async function post(kind: PushKind, changes: Record<string, string | undefined> = {}, body?: string) {
  const { host = '', topic } = fake.options
  const headers = { ...apnsHeaders(kind, { host, topic, token: 'ab'.repeat(32), jwt }), ...changes }
  const given = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  const stream = session.request(Object.fromEntries(given))
  stream.end(body ?? apnsBody(kind, checkMessagesData))
  const [answer] = await once(stream, 'response')
  let text = ''
  for await (const part of stream.setEncoding('utf8')) text += part
  return `${answer[':status']} ${text === '' ? '' : JSON.parse(text).reason}`.trim()
}

test.each(['message', 'verification', 'check'] as const)('a %s is taken as it should be', async (kind) => {
  expect(await post(kind)).toBe('200')
})

test.each<[string, PushKind, Record<string, string | undefined>, string?]>([
  ['405 MethodNotAllowed', 'check', { ':method': 'PUT' }],
  ['404 BadPath', 'check', { ':path': '/4/device/abcd' }],
  ['400 PayloadEmpty', 'check', {}, ''],
  ['404 BadPath', 'check', { ':path': '/3/device/../abcd' }],
  ['404 BadPath', 'check', { ':path': '/3/device/' }],
  ['413 PayloadTooLarge', 'check', {}, 'x'.repeat(4097)],
  ['403 MissingProviderToken', 'check', { authorization: undefined }],
  ['403 InvalidProviderToken', 'check', { authorization: 'bearer a.b.c' }],
  ['400 MissingTopic', 'check', { 'apns-topic': undefined }],
  ['400 DeviceTokenNotForTopic', 'check', { 'apns-topic': 'other' }],
  ['400 InvalidPushType', 'check', { 'apns-push-type': 'alert' }],
  ['400 InvalidPushType', 'message', { 'apns-push-type': 'background' }],
  ['400 InvalidPushType', 'message', { 'apns-push-type': undefined }],
  ['400 BadPriority', 'check', { 'apns-priority': undefined }],
  ['400 BadPriority', 'check', { 'apns-priority': '10' }],
])('a mistake is answered %s', async (answer, kind, changes, body) => {
  expect(await post(kind, changes, body)).toBe(answer)
})

test('a file gets each push as it came, also one that is refused', async () => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'apns '))
  try {
    const logFile = path.join(folder, 'apns.log')
    const sending = await start({}, { logFile })
    await sending.send({ ...push('check', 'a/b c'), notificationData: checkMessagesData })
    sending.fake.answer({ status: 410, reason: 'Unregistered' })
    await sending.send(push('message', '../..'))
    const lines = fs.readFileSync(logFile, 'utf8').trimEnd().split('\n')
    const logged = lines.map((line) => JSON.parse(line))
    expect(logged).toMatchObject([
      { path: '/3/device/a%2Fb%20c', headers: { 'apns-topic': 'app.example', 'apns-priority': '5' } },
      { path: '/3/device/..%2F..', headers: { 'apns-push-type': 'alert' } },
    ])
    expect(Object.keys(logged[0])).toEqual(['path', 'headers', 'body'])
    expect(JSON.parse(logged[0].body)).toEqual({ aps: { 'content-available': 1 }, notificationData: checkMessagesData })
    expect(sending.fake.pushes.map(({ token }) => token)).toEqual(['a/b c', '../..'])
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})
