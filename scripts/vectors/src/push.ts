// test-vectors/ntf/README.md, push.*: spec 20 §4, §5, 21 A1–A3, A6, A9.
import { authorizeNtf } from '@smpkit/ntf-protocol'
import { apnsBody } from '@smpkit/push-providers/apns'
import { readApnsAnswer } from '@smpkit/push-providers/internal'
import {
  checkMessagesData,
  decodeItems,
  decryptPayload,
  encodeItem,
  encodeItems,
  encryptPayload,
  messageData,
  type NotificationData,
  type PushItem,
  type PushKind,
  tokenSecret,
  verificationCode,
  verificationData,
  verifyCommand,
} from '@smpkit/push-providers/payload'
import { parseHost } from '@smpkit/smp-commands/address'
import { binaryOperations, Fields, fromHex, type Json, operation, type Suite } from './case.js'
import { privateKeyIn, publicKeyIn } from './keys.js'
import { ntfVersionOf } from './ntf.js'

/** In the vectors the fields of the server stand in the item, and a host is its text. */
function itemOf(json: Json): PushItem {
  const item = new Fields(json)
  return {
    server: {
      hosts: item.list('hosts').map((text) => parseHost(text as string)),
      port: item.text('port'),
      keyHash: item.bytes('keyHash'),
    },
    notifierId: item.bytes('notifierId'),
    ntfTs: item.number('ntfTs'),
    nonce: item.bytes('nonce'),
    encMeta: item.bytes('encMeta'),
  }
}

const jsonOf = ({ server, ...item }: PushItem) => ({ ...server, hosts: server.hosts.map(({ text }) => text), ...item })

const decodeBytes = (bytes: Uint8Array) => decodeItems(new TextDecoder().decode(bytes))

export const itemsSuite: Suite = {
  ops: {
    ...binaryOperations(() => ({
      encode: (json) => new TextEncoder().encode(encodeItems(new Fields(json).list('items').map(itemOf))),
      decode: (bytes) => ({ items: decodeBytes(bytes).map(jsonOf) }),
    })),
    // What is not written as it was read has its canonical text, too.
    decode: {
      actual: ({ bytes = '', canonical }) => {
        const items = decodeBytes(fromHex(bytes))
        return { value: { items: items.map(jsonOf) }, canonical: canonical === undefined ? null : encodeItems(items) }
      },
      expected: ({ value = null, canonical = null }) => ({ value, canonical }),
    },
  },
}

export const encryptSuite: Suite = {
  ops: {
    secret: operation((input) => ({
      secret: tokenSecret(privateKeyIn(input, 'privateKey', 'x25519'), publicKeyIn(input, 'publicKey', 'x25519')),
    })),
    encrypt: operation((input) => {
      const options = { nonce: input.bytes('nonce'), paddedLength: input.number('paddedLength') }
      const { nonce, data } = encryptPayload(input.bytes('secret'), input.bytes('plain'), options)
      return { nonceText: nonce, dataText: data }
    }),
    decrypt: operation((input) => {
      const encrypted = { nonce: input.text('nonceText'), data: input.text('dataText') }
      return { plain: decryptPayload(input.bytes('secret'), encrypted) }
    }),
  },
}

/** Of items without metadata the reference writes the rest, which we never do. */
function itemText(item: PushItem): string {
  if (item.encMeta.length > 0) return encodeItem(item)
  return encodeItem({ ...item, encMeta: Uint8Array.of(0) }).replace(/\S+$/, '')
}

function dataOf(kind: PushKind, input: Fields): NotificationData {
  if (kind === 'check') return checkMessagesData
  const options = { nonce: input.bytes('nonce'), paddedLength: input.number('paddedLength') }
  const secret = input.bytes('secret')
  if (kind === 'verification') return verificationData(secret, input.bytes('code'), options)
  return messageData(secret, input.list('items').map(itemOf).map(itemText).join(';'), options)
}

export const apnsSuite: Suite = {
  ops: {
    body: operation((input) => {
      const kind = input.text('kind') as PushKind
      const body = apnsBody(kind, dataOf(kind, input))
      return { json: JSON.parse(body), byteLength: new TextEncoder().encode(body).length }
    }),
  },
}

/** What an active token is after these answers of APNs. */
function statusAfter(replies: readonly Json[]): string {
  for (const json of replies) {
    const reply = new Fields(json)
    const body = JSON.stringify({ reason: reply.get('reason') })
    const answer = { status: reply.number('status'), retryAfter: undefined, body }
    const outcome = readApnsAnswer(answer, { registeredAt: 0 }, 0)
    if (outcome.outcome === 'gone') return `INVALID,${outcome.reason}`
  }
  return 'ACTIVE'
}

export const responseSuite: Suite = {
  ops: {
    apnsResponse: {
      // How often is tried again is the policy of who was recorded: as many answers count as it had.
      actual: ({ in: input = null, out = null }) => {
        const replies = new Fields(input).list('replies').slice(0, new Fields(out).number('attempts'))
        return { tokenStatus: statusAfter(replies) }
      },
      expected: ({ out = null }) => ({ tokenStatus: new Fields(out).text('tokenStatus') }),
    },
  },
}

function codeIn(input: Fields, secret: Uint8Array): { code: Uint8Array; command: Uint8Array } {
  const data = input.fields('notificationData')
  const code = verificationCode(secret, { nonce: data.text('nonce'), verification: data.text('verification') })
  return { code, command: verifyCommand(code) }
}

export const regcodeSuite: Suite = {
  ops: {
    code: operation((input) => codeIn(input, input.bytes('secret'))),
    // From the push to the command in a session without a key of the server: the token's key signs.
    flow: operation((input, vector) => {
      const secret = tokenSecret(
        privateKeyIn(input, 'clientDhPrivateKey', 'x25519'),
        publicKeyIn(input, 'serverDhKey', 'x25519'),
      )
      const { code, command } = codeIn(input, secret)
      const { transmission } = authorizeNtf(
        { version: ntfVersionOf(vector), sessionId: input.bytes('sessionId'), serverKey: null },
        {
          corrId: input.bytes('corrId'),
          entityId: input.bytes('tokenId'),
          command: { tag: 'TVFY', code },
          key: privateKeyIn(input, 'tokenPrivateKey', 'ed25519', 'ed448'),
        },
      )
      return { secret, code, command, transmission }
    }),
  },
}
