import { openDatabase } from 'example-chat'
import { describe, expect, it } from 'vitest'
import { Contacts } from './contacts.js'

const open = async () => {
  const { archive } = await openDatabase(undefined)
  return { archive, contacts: await Contacts.open(archive) }
}

describe('contacts', () => {
  it('have names that can be typed and that no other has', async () => {
    const { contacts } = await open()
    const names = [
      (await contacts.set('a', { name: 'Bob Miller\x1b[2J' })).name,
      (await contacts.set('b', { name: 'bob miller' })).name,
      (await contacts.set('a', { name: 'Bob Miller' })).name,
    ]
    expect(names).toEqual(['Bob_Miller', 'bob_miller_2', 'Bob_Miller'])
  })

  it('are found by their name, or by a beginning that only one has', async () => {
    const { contacts } = await open()
    for (const [connection, name] of [
      ['a', 'Ann'],
      ['b', 'Anna'],
      ['c', 'Bob'],
    ] as const) {
      await contacts.set(connection, { name })
    }
    const found = (typed: string) => contacts.find(typed)?.connection
    expect(['ann', '@Anna', 'b', '@bo'].map(found)).toEqual(['a', 'b', 'c', 'c'])
    expect(['an', '', '@', 'bobby'].map(found)).toEqual([undefined, undefined, undefined, undefined])
  })

  it('and requests are there again, until they are removed', async () => {
    const { archive, contacts } = await open()
    await contacts.set('a', { name: 'Ann', state: 'invited' })
    await contacts.set('a', { state: 'connected' })
    const bob = await contacts.addRequest('r1', 'Bob')
    await contacts.addRequest('r2', 'Cid')
    expect(await contacts.addRequest('r1', 'Bob')).toEqual(bob)
    const again = await Contacts.open(archive)
    expect(again.all()).toMatchObject([{ connection: 'a', name: 'Ann', state: 'connected' }])
    expect(again.requests().map(({ no, name }) => [no, name])).toEqual([
      [1, 'Bob'],
      [2, 'Cid'],
    ])
    await again.removeRequest(bob)
    await again.remove('a')
    const last = await Contacts.open(archive)
    expect([last.all(), last.requests().map(({ name }) => name)]).toEqual([[], ['Cid']])
  })
})
