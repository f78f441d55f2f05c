// Spec 13 §13.13: a process that is killed anywhere while it connects goes on where it was.
import { describe } from 'vitest'
import { faultTests } from './support/fault-tests.js'

describe('faults', () => {
  faultTests('an invitation', { roles: ['inviter', 'joiner'], actions: [['talk'], ['talk']], count: 1 })
  faultTests('a contact address', { roles: ['owner', 'guest'], actions: [['talk'], ['talk']], count: 1 })
})
