import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { logOfFakes, logOfFile } from './apns-log.js'
import { push, start } from './apns-sending.js'

function newFile(): string {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'apns '))
  onTestFinished(() => fs.rmSync(folder, { recursive: true }))
  return path.join(folder, 'apns.log')
}

test('a fake and its file tell the same of each device', async () => {
  const logFile = newFile()
  const byFile = logOfFile(logFile)
  const { fake, send } = await start({}, { logFile })
  const byFake = logOfFakes([fake])
  for (const token of ['one', 'a/b c', 'one']) await send(push('message', token))
  for (const [token, count] of [
    ['one', 2],
    ['a/b c', 1],
    ['two', 0],
  ] as const) {
    const seen = byFile.of(token)
    expect(seen).toHaveLength(count)
    expect(byFake.of(token)).toMatchObject(seen)
  }
})

test('a file is read from its end on, by whole lines, whatever writes them', () => {
  const file = newFile()
  const line = (body: unknown) => JSON.stringify({ path: '/3/device/x', headers: { 'APNs-Topic': 'app' }, body })
  fs.writeFileSync(file, `${line('before')}\n`)
  const log = logOfFile(file)
  expect(log.of('x')).toEqual([])
  fs.appendFileSync(file, `${line({ aps: {} })}\n\n${line('second').slice(0, 20)}`)
  const first = { path: '/3/device/x', headers: { 'apns-topic': 'app' }, body: '{"aps":{}}' }
  expect(log.of('x')).toEqual([first])
  fs.appendFileSync(file, `${line('second').slice(20)}\n`)
  expect(log.of('x')).toEqual([first, { ...first, body: 'second' }])
})

test('headers may be pairs, in their order', () => {
  const file = newFile()
  const log = logOfFile(file)
  const headers = [
    ['apns-topic', 'app'],
    ['Authorization', 'bearer x'],
  ]
  fs.writeFileSync(file, `${JSON.stringify({ path: '/3/device/x', headers, body: '{}' })}\n`)
  expect(log.of('x')).toEqual([
    { path: '/3/device/x', headers: { 'apns-topic': 'app', authorization: 'bearer x' }, body: '{}' },
  ])
})
