import { describe, expect, it } from 'vitest'
import { testBroker } from '../testing/test-broker.js'
import { brief } from '../testing/test-client.js'
import { asRecipient, asSender, createQueue, sendCommand, textOf } from '../testing/test-queue.js'

describe('SUB', () => {
  it('delivers the waiting message as an event without correlation id', async () => {
    const { connect } = testBroker()
    const client = connect()
    const queue = await createQueue(client)
    expect(brief(await client.request(sendCommand('hello'), asSender(queue)))).toBe('OK')
    expect(await client.request({ tag: 'SUB' }, asRecipient(queue))).toEqual({ tag: 'SOK', serviceId: null })
    const event = await client.event()
    expect(textOf(queue, event.message)).toBe('hello')
    expect(event.entityId).toEqual(queue.recipientId)
  })
})
