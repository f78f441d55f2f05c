import { describe, expect, it } from 'vitest'
import { bodyLimits, decodeBody } from './messages.js'
import { decodeInfo, encodeContactInfo, encodeInfo, encodeText, shownName } from './peers.js'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('what a program tells of itself', () => {
  it('is x.info, and x.contact for an address', () => {
    const text = (value: Uint8Array) => new TextDecoder().decode(value)
    expect(text(encodeInfo('echo'))).toBe(
      '{"v":"1-8","event":"x.info","params":{"profile":{"displayName":"echo","fullName":""}}}',
    )
    expect(text(encodeContactInfo('a'))).toBe(
      '{"v":"1-8","event":"x.contact","params":{"profile":{"displayName":"a","fullName":""}}}',
    )
  })

  it('is read of a peer with a text of the request', async () => {
    expect(await decodeInfo(encodeInfo('Bob'))).toEqual({ name: 'Bob', text: null })
    const request =
      '{"event":"x.contact","params":{"profile":{"displayName":"Eve"},"content":{"type":"text","text":"hi"}}}'
    expect(await decodeInfo(bytes(request))).toEqual({ name: 'Eve', text: 'hi' })
  })

  it.each(['', 'binary', '{"event":"x.ok","params":{}}', '{"event":"x.info"}', '[]'])(
    'has a name also for %s',
    async (info) => expect(await decodeInfo(bytes(info))).toEqual({ name: 'unknown', text: null }),
  )

  it('has a name that is safe to print on one line', () => {
    expect(shownName('Bob\x1b[31m\r\n Miller\u202e')).toBe('Bob Miller')
    expect(shownName('\x1b[2J')).toBe('unknown')
    expect([...shownName('😀'.repeat(100))]).toHaveLength(40)
  })
})

it('a text is x.msg.new with an id of its own, and fits or is refused', async () => {
  const ids = new Set<string | null>()
  for (let i = 0; i < 2; i++) {
    const { messages } = await decodeBody(encodeText('hello'))
    expect(messages).toMatchObject([{ event: 'x.msg.new', params: { content: { type: 'text', text: 'hello' } } }])
    ids.add(messages[0]?.msgId ?? null)
  }
  expect(ids.size).toBe(2)
  const overhead = encodeText('').length
  const { plain } = bodyLimits.message
  expect(encodeText('x'.repeat(plain - overhead))).toHaveLength(plain)
  expect(() => encodeText('x'.repeat(plain - overhead + 1))).toThrow(expect.objectContaining({ code: 'LARGE' }))
})
