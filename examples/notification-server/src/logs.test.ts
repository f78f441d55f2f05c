import { describe, expect, it } from 'vitest'
import { createLog } from './logs.js'

function linesOf(run: (log: ReturnType<typeof createLog>) => void, level: 'debug' | 'warn' = 'debug'): string[] {
  const lines: string[] = []
  run(createLog(level, { write: (line) => void lines.push(line) }))
  return lines
}

describe('the log', () => {
  it('is one line of JSON for each event, from the level on', () => {
    const lines = linesOf((log) => {
      log.info({ provider: 'webpush' }, 'not that')
      log.warn({ provider: 'webpush', reason: 'http-503' }, 'a provider\nis slow')
    }, 'warn')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      provider: 'webpush',
      reason: 'http-503',
      msg: 'a provider\nis slow',
    })
  })

  it('never has secrets, ids, bytes, or messages and stacks of errors', () => {
    const secret = 'hunter2'
    const error = Object.assign(new Error(secret, { cause: new Error(secret) }), { code: 'ECONNRESET', token: secret })
    const lines = linesOf((log) => {
      log.error({ deviceToken: secret, serverKey: secret, code: secret, notifierId: secret, id: secret }, 'names')
      log.error({ at: { deep: { password: secret } }, list: [{ authorization: secret }] }, 'nested')
      log.error({ a: { b: { c: { d: { e: secret } } } } }, 'too deep')
      log.error({ bytes: new TextEncoder().encode(secret), buffer: Buffer.from(secret) }, 'bytes')
      log.error({ error, err: error }, 'errors')
      log.info({ big: 10n }, 'a big number')
    })
    expect(lines.length).toBe(6)
    for (const line of lines) expect(line).not.toMatch(/hunter2|104,117|"stack"/)
    expect(JSON.parse(lines[4] ?? '')).toMatchObject({ error: { name: 'Error', code: 'ECONNRESET' } })
  })
})
