// Pushes as they are without us: an HTTP/2 request each, with a body that is as long as ours.
import { createPrivateKey, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { ApnsFake } from '@smpkit/push-providers/testing'

/** Requests in flight at once. */
const concurrency = 200

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

export async function barePushes({ host = '', port, ca, key, keyId, teamId, topic }: ApnsFake['options']) {
  const claims = { iss: teamId, iat: Math.floor(Date.now() / 1000) }
  const signed = `${base64url({ alg: 'ES256', kid: keyId })}.${base64url(claims)}`
  const signature = sign('sha256', Buffer.from(signed), { key: createPrivateKey(key), dsaEncoding: 'ieee-p1363' })
  const jwt = `${signed}.${signature.toString('base64url')}`
  const session: ClientHttp2Session = connect(`https://${host}:${port}`, { ca: [ca ?? ''].flat() })
  await once(session, 'remoteSettings')
  const body = JSON.stringify({
    aps: { 'mutable-content': 1, alert: 'Encrypted message or another app event', category: 'NTF_CAT_CHECK_MESSAGE' },
    notificationData: { nonce: randomBytes(24).toString('base64'), message: randomBytes(2928).toString('base64') },
  })

  function send(token: string): Promise<void> {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/3/device/${token}`,
      'apns-topic': topic,
      'apns-push-type': 'alert',
      authorization: `bearer ${jwt}`,
    })
    return new Promise((resolve, reject) => {
      stream.on('response', (headers) => headers[':status'] !== 200 && reject(new Error('a bare push was refused')))
      stream.on('error', reject)
      stream.on('close', resolve)
      stream.resume()
      stream.end(body)
    })
  }

  return {
    async send(tokens: readonly string[]): Promise<void> {
      let next = 0
      const sender = async () => {
        for (let token = tokens[next++]; token !== undefined; token = tokens[next++]) await send(token)
      }
      await Promise.all(Array.from({ length: concurrency }, sender))
    },
    [Symbol.dispose]: () => session.destroy(),
  }
}
