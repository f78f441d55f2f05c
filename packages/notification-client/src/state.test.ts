import { expect, it } from 'vitest'
import { memoryState, Records } from './state.js'

it('keeps each record under its key, and those of connections apart', async () => {
  const state = memoryState()
  const records = new Records(state)
  const queue = { notifierId: 'AA==', keyHash: 'AA==', id: 'id' }
  expect(await records.service.get()).toBeUndefined()
  await records.left.put(['a'])
  await records.queues.put('left', queue)
  await records.renewals.put('left', true)
  expect(await records.left.get()).toEqual(['a'])
  expect([...(await records.queues.all())]).toEqual([['left', queue]])
  await records.queues.remove('left')
  expect([...(await records.queues.all())]).toEqual([])
  expect([...(await records.renewals.all())]).toEqual([['left', true]])
  expect((await state.list()).map(([key]) => key).sort()).toEqual(['left', 'renewal left'])
})

it('in memory holds copies', async () => {
  const state = memoryState()
  const value = { list: [1] }
  await state.put('key', value)
  value.list.push(2)
  expect(await state.get('key')).toEqual({ list: [1] })
})
