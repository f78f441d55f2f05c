// Spec 13 §13.5, §13.6, §13.13: a process that is killed anywhere while messages and receipts go both ways loses none of them.
import { describe } from 'vitest'
import { faultTests } from './support/fault-tests.js'

describe('faults', () => {
  faultTests('messages and receipts', {
    roles: ['inviter', 'joiner'],
    connected: true,
    actions: [['talk'], ['talk']],
    count: 3,
  })
})
