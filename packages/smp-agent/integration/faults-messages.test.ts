// Spec 13 §13.5, §13.6, §13.11, §13.13: a process that is killed anywhere while messages go both ways, or while it is woken to fetch them, loses none.
import { describe } from 'vitest'
import { faultTests } from './support/fault-tests.js'

const connected = { roles: ['inviter', 'joiner'], before: [[], []] } as const

describe('faults', () => {
  faultTests('messages and receipts', { ...connected, actions: [['talk'], ['talk']], count: 3 })
  faultTests('notifications', { ...connected, actions: [['notifyNoMore'], ['notifyNoMore']], count: 0 })
  faultTests('a wake-up', {
    ...connected,
    before: [[], ['notify']],
    actions: [['tell'], ['wake']],
    count: 3,
    asleep: 1,
  })
})
