import { guardedConnect } from '@smpkit/notification-server'
import { startSmpServer } from '@smpkit/smp-server'
import { expect, it } from 'vitest'
import { watchServers } from './own-servers.js'

it('tells of our own servers whether they are up, since when, and why not, and of no others', async () => {
  const own = await startSmpServer()
  const other = await startSmpServer()
  const logged: string[] = []
  const log = (_: object, message: string) => void logged.push(message)
  const logger = { debug: log, info: log, warn: log, error: log }
  const watched = watchServers(guardedConnect({ allow: ['127.0.0.1'] }), [own.addressText], logger)
  expect(watched.list()).toMatchObject([{ up: false, since: null, reason: 'not connected yet' }])
  await watched.connect(own.address, {})
  await (await watched.connect(other.address, {})).close()
  expect(watched.list()).toMatchObject([{ up: true, since: expect.any(Number), reason: null }])
  await own.stop()
  await expect.poll(() => watched.list()).toMatchObject([{ up: false, since: expect.any(Number), reason: 'closed' }])
  for (let i = 0; i < 3; i++) await expect(watched.connect(own.address, {})).rejects.toThrow()
  expect(watched.list()).toMatchObject([{ up: false, reason: 'NETWORK' }])
  expect(logged).toHaveLength(3)
  await other.stop()
})
