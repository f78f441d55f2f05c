import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { cmd, packBlock } from '@smpkit/smp-commands'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { authorizeNtf } from './authorization.js'
import { packCommands } from './batch.js'
import { ntfCommands } from './commands.js'
import { type NtfFault, receiveCommands, receiveResponses } from './receive.js'
import { writeResponse } from './respond.js'
import { ntfResponses } from './responses.js'
import { command, endsOf, response, versions } from './testing/values.js'
import { bytesOf, plain, vectors } from './testing/vectors.js'
import { has, ntfVersions } from './versions.js'

interface Input {
  sessionId: string
  content: string
}

const faultOf = ({ corrId, entityId, error }: NtfFault) => plain({ corrId, entityId, error })

test.each(vectors<Input>('ntf-transmission', 'serverReceive'))('vector %s', (_, { version, in: input, out }) => {
  const items = receiveCommands(endsOf(version, bytesOf(input.sessionId)).server, bytesOf(input.content))
  const neutral = items.map((item) => {
    if ('error' in item) return faultOf(item)
    const { corrId, entityId, command, authorized } = item
    return plain({ corrId, entityId, authorized, value: command })
  })
  expect({ items: neutral }).toEqual(out)
})

test.each(vectors<Input>('ntf-transmission', 'clientReceive'))('vector %s', (_, { version, in: input, out }) => {
  const items = receiveResponses(endsOf(version, bytesOf(input.sessionId)).client, bytesOf(input.content))
  const neutral = items.map((item) => {
    if ('error' in item) return faultOf(item)
    const { corrId, entityId, response } = item
    return plain({ corrId, entityId, value: response })
  })
  expect({ items: neutral }).toEqual(out)
})

const none = new Uint8Array(0)
const key = PrivateKey.generate('ed25519')
const id = randomBytes(24)

describe.each(versions)('in version %i', (version) => {
  const { client, server } = endsOf(version)
  const contentOf = (...transmissions: Uint8Array[]) =>
    has(version, 'batching') ? packBlock(transmissions) : (transmissions[0] ?? none)

  test('every command with its credentials arrives as it was sent', () => {
    fc.assert(
      fc.property(command, fc.uint8Array({ maxLength: 30 }), (value, corrId) => {
        const { auth, entity } = ntfCommands[value.tag]
        const entityId = entity === 'required' ? id : none
        const sent = authorizeNtf(client, { corrId, entityId, command: value, key: auth === 'required' ? key : null })
        const [received, ...more] = receiveCommands(server, contentOf(sent.transmission))
        expect(more).toEqual([])
        expect(plain(received)).toEqual(
          plain({
            corrId,
            entityId,
            command: value,
            authorized: sent.authorized,
            authorization:
              auth === 'required' ? { kind: 'ed25519', auth: sent.authorization, serviceSignature: null } : null,
          }),
        )
      }),
    )
  })

  test('every response with its entity arrives as it was sent, what the version does not have left out', () => {
    fc.assert(
      fc.property(response, fc.uint8Array({ maxLength: 30 }), (value, corrId) => {
        const entityId = ntfResponses[value.tag].entity === 'empty' ? none : id
        const transmission = writeResponse(client, { corrId, entityId, response: value })
        const [received] = receiveResponses(client, contentOf(transmission))
        if (!received || 'error' in received) throw new Error('expected a response')
        expect(toHex(received.corrId) + toHex(received.entityId)).toBe(toHex(corrId) + toHex(entityId))
        expect(received.response.tag).toBe(value.tag)
      }),
    )
  })

  test('a command without the credentials that it needs, or with others, is refused before it is looked at', () => {
    fc.assert(
      fc.property(command, fc.boolean(), fc.boolean(), (value, withKey, withId) => {
        const { auth, entity } = ntfCommands[value.tag]
        const entityId = withId ? id : none
        const sent = authorizeNtf(client, { corrId: id, entityId, command: value, key: withKey ? key : null })
        const [received] = receiveCommands(server, contentOf(sent.transmission))
        const missing = (auth === 'required' && !withKey) || (entity === 'required' && !withId)
        const tooMuch = (auth === 'absent' && withKey) || (entity === 'absent' && withId)
        if (missing || tooMuch) {
          expect(received).toEqual({ corrId: id, entityId, error: cmd(missing ? 'NO_AUTH' : 'HAS_AUTH') })
        } else {
          expect(received).toHaveProperty('command')
        }
      }),
    )
  })

  test('no proper prefix of a block is that block', () => {
    const whole = contentOf(
      authorizeNtf(client, { corrId: id, entityId: id, command: { tag: 'TVFY', code: id }, key }).transmission,
    )
    for (let length = 0; length < whole.length; length++) {
      for (const item of receiveCommands(server, whole.subarray(0, length))) expect(item).toHaveProperty('error')
    }
  })

  test('random bytes are items with errors, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 510 }), (content) => {
        for (const items of [receiveCommands(server, content), receiveResponses(client, content)]) {
          expect(items.length).toBeGreaterThan(0)
          expect(items.length).toBeLessThanOrEqual(255)
        }
      }),
      { numRuns: 500 },
    )
  })
})

test('what is read is a view into the block: nothing is copied but keys, and what an authorization covers', () => {
  const { client, server } = endsOf(ntfVersions.max)
  const { transmission } = authorizeNtf(client, { corrId: id, entityId: id, command: { tag: 'TVFY', code: id }, key })
  const content = packBlock([transmission])
  const [item] = receiveCommands(server, content)
  if (!item || 'error' in item || item.command.tag !== 'TVFY') throw new Error('expected TVFY')
  for (const { buffer } of [item.corrId, item.entityId, item.command.code]) expect(buffer).toBe(content.buffer)
})

test('a block that the client packed gives the server each command once, in order', () => {
  const { client, server } = endsOf(ntfVersions.max)
  const corrIds = Array.from({ length: 11 }, () => randomBytes(24))
  const sent = corrIds.map(
    (corrId) => authorizeNtf(client, { corrId, entityId: id, command: { tag: 'SCHK' }, key }).transmission,
  )
  const contents = packCommands(client.version, sent).flatMap((block) => ('content' in block ? [block.content] : []))
  expect(contents).toHaveLength(3)
  const received = contents.flatMap((content) => receiveCommands(server, content))
  expect(received.map(({ corrId }) => toHex(corrId))).toEqual(corrIds.map(toHex))
})
