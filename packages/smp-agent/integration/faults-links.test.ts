// Spec 12 §12.7, §12.8, 13 §13.13: a process that is killed anywhere while it makes, resolves or deletes a short link goes on.
import { describe } from 'vitest'
import { faultTests } from './support/fault-tests.js'

describe('faults', () => {
  faultTests('a short invitation', { roles: ['shortInviter', 'joiner'], actions: [['talk'], ['talk']], count: 1 })
  faultTests('a short address', { roles: ['shortOwner', 'guest'], actions: [['talk', 'unlink'], ['talk']], count: 1 })
})
