import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { followPushLog } from './push-log.js'

function newFile(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'push log '))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return path.join(folder, 'apns.log')
}

const line = (token: string, notificationData: unknown, write = JSON.stringify) =>
  `${JSON.stringify({ path: `/3/device/${token}`, headers: {}, body: write({ aps: {}, notificationData }) })}\n`

async function following(file: string) {
  const pushes: unknown[] = []
  const onPush = async (data: unknown) => {
    pushes.push(data)
    throw new Error('not for us')
  }
  const log = await followPushLog({ file, token: 'ab', onPush })
  onTestFinished(() => log.close())
  const until = async (count: number) => {
    while (pushes.length < count) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { pushes, until }
}

it('tells of pushes to the device that come from now on, by whole lines', async () => {
  const file = newFile()
  writeFileSync(file, line('ab', 'before'))
  const { pushes, until } = await following(file)
  const last = line('ab', 'last')
  appendFileSync(file, [line('cd', 'another'), line('ab', 'first'), 'no JSON\nnull\n{}\n', last.slice(0, 30)].join(''))
  await until(1)
  appendFileSync(file, last.slice(30))
  await until(2)
  expect(pushes).toEqual(['first', 'last'])
})

it('waits for a file, in which bodies may be JSON as they are', async () => {
  const file = newFile()
  const { pushes, until } = await following(file)
  writeFileSync(file, line('ab', 'one', ((value: unknown) => value) as never))
  await until(1)
  expect(pushes).toEqual(['one'])
})
