// Spec 10 §10.9, 13 §13.8, §13.10, §13.13: a process that is killed anywhere while a connection changes or ends goes on, and loses no message.
import { describe } from 'vitest'
import { faultTests } from './support/fault-tests.js'

const connected = { roles: ['inviter', 'joiner'], before: [[], []] } as const

describe('faults', () => {
  faultTests('a rotation', {
    ...connected,
    actions: [
      ['talk', 'rotate'],
      ['talk', 'follow'],
    ],
    count: 3,
  })
  faultTests('a re-synchronization', {
    ...connected,
    actions: [
      ['talk', 'synchronize'],
      ['talk', 'agree'],
    ],
    count: 3,
  })
  faultTests('a deletion', { ...connected, actions: [['remove'], []], count: 0 })
  faultTests('a parting', { ...connected, actions: [['part'], ['listen']], count: 2, receipts: false })
})
