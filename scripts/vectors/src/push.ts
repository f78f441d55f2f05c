// test-vectors/ntf/README.md, push.items, push.encrypt, push.regcode: spec 21 A2, A3, A9.
import {
  decodeItems,
  decryptPayload,
  encodeItems,
  encryptPayload,
  type PushItem,
  tokenSecret,
  verificationCode,
  verifyCommand,
} from '@smpkit/push-providers/payload'
import { parseHost } from '@smpkit/smp-commands/address'
import { binaryOperations, Fields, fromHex, type Json, operation, type Suite } from './case.js'
import { privateKeyIn, publicKeyIn } from './keys.js'

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

export const regcodeSuite: Suite = {
  ops: {
    code: operation((input) => {
      const data = input.fields('notificationData')
      const verification = { nonce: data.text('nonce'), verification: data.text('verification') }
      const code = verificationCode(input.bytes('secret'), verification)
      return { code, command: verifyCommand(code) }
    }),
  },
}
