// Spec 13 §13.3, §13.4, §13.13: a process that is killed anywhere while it connects goes on where it was.
import { describe } from 'vitest'
import { faultTests } from './support/fault-tests.js'

const talk = { actions: [['talk'], ['talk']], count: 1 } as const

describe('faults', () => {
  faultTests('an invitation', { roles: ['inviter', 'joiner'], ...talk })
  faultTests('a contact address', { roles: ['owner', 'guest'], ...talk })
})
