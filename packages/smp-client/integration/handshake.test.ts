import { randomBytes } from '@smpkit/crypto'
import { connectSmp } from '@smpkit/smp-transport'
import { describe, expect, it } from 'vitest'
import { openSession, ping, sendMessage } from '../src/index.js'
import { bytes, text, useTarget } from './target.js'

const target = useTarget()

describe('the handshake', () => {
  it.each([14, 15, 16, 17, 18, 19, 20])(
    'agrees on version %i as the only one, and a message arrives',
    async (version) => {
      if (version > target.maxVersion) {
        await expect(target.open({ version })).rejects.toMatchObject({
          code: 'CONNECT',
          cause: { code: 'HANDSHAKE', cause: { code: 'VERSION' } },
        })
        return
      }
      const session = await target.open({ version })
      expect(session.session.version).toBe(version)
      await ping(session)
      const queue = await target.newQueue(session)
      const messages = session.messages(queue)
      await sendMessage(await target.open({ version }), { ...queue, senderKey: null }, bytes(`at ${version}`))
      const { value } = await messages.next()
      const content = value?.open()
      expect(content?.quota === false && text(content.body)).toBe(`at ${version}`)
      await value?.ack()
    },
  )

  it('ends before anything is sent when the server is another', async () => {
    const address = { ...target.address, keyHash: randomBytes(32) }
    await expect(openSession(address)).rejects.toMatchObject({
      code: 'CONNECT',
      temporary: false,
      cause: { code: 'IDENTITY' },
    })
  })

  it('ends when there is no common version', async () => {
    const connect = connectSmp(target.address, { versionRange: { min: 9000, max: 9001 } })
    await expect(connect).rejects.toMatchObject({ code: 'HANDSHAKE', cause: { code: 'VERSION' } })
  })

  it('gives each session an id of its own', async () => {
    const [a, b] = [await target.open(), await target.open()]
    expect(a.session.sessionId).not.toEqual(b.session.sessionId)
  })
})
