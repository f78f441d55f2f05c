// The vectors of this package's messages.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readMessage } from './read-message.js'
import { encodeRequest, encodeResponse } from './write-message.js'

const file = new URL('../../../test-vectors/service/service-message.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8'))

function write({ value, kind }: { value: Record<string, unknown>; kind?: 'enveloped' }): string {
  const data = value.hasData ? value.data : undefined
  const options = { syntax: value.syntax as 'json' | 'text' }
  const bytes =
    value.kind === 'request'
      ? encodeRequest({ ...(value as unknown as Parameters<typeof encodeRequest>[0]), data }, options)
      : encodeResponse(
          { ...(value as unknown as Parameters<typeof encodeResponse>[0]), data },
          { ...options, ...(kind && { style: kind }) },
        )
  return new TextDecoder().decode(bytes)
}

it.each<{ id: string; op: string; text: string; bytes: string; error?: string; value: Record<string, unknown> }>(cases)(
  '$id',
  (vector) => {
    const { op, text, bytes, error, value } = vector
    if (error !== undefined) expect(() => write(vector)).toThrow(expect.objectContaining({ code: error }))
    else if (op !== 'text-decode' && op !== 'decode') expect(write(vector)).toBe(text)
    if (op === 'text-encode') return
    const { data, ...message } = readMessage(
      text === undefined ? Buffer.from(bytes, 'hex') : new TextEncoder().encode(text),
    ) as unknown as Record<string, unknown>
    const read = message.kind === 'other' ? message : { ...message, hasData: data !== undefined, data: data ?? null }
    expect({ ...(message.kind === 'request' && { problem: null }), ...read }).toEqual(value)
  },
)
