import { expect, it } from 'vitest'
import { NotificationClientError } from './errors.js'
import { StatusHolder } from './status.js'

it('is told when it changes, without what was replaced before it was read, until the end', async () => {
  const holder = new StatusHolder()
  const changes = holder.changes()
  expect((await changes.next()).value).toMatchObject({ phase: 'connecting' })
  const next = changes.next()
  holder.set({ phase: 'connecting' })
  holder.set({ phase: 'registering' })
  expect((await next).value).toMatchObject({ phase: 'registering' })
  holder.set({ phase: 'verifying' })
  holder.set({ phase: 'ready', problem: new NotificationClientError('NETWORK', 'away') })
  expect((await changes.next()).value).toMatchObject({ phase: 'ready', problem: { code: 'NETWORK' } })
  holder.end()
  expect((await changes.next()).value).toMatchObject({ phase: 'off' })
  expect(await changes.next()).toEqual({ done: true, value: undefined })
})

it('ends with the signal, by its reason', async () => {
  const holder = new StatusHolder()
  const ending = new AbortController()
  const changes = holder.changes(ending.signal)
  await changes.next()
  const next = changes.next()
  ending.abort()
  await expect(next).rejects.toBe(ending.signal.reason)
})
