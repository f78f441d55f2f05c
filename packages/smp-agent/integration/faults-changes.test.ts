// Spec 10 §10.9, 13 §13.8, §13.10, §13.13: a process that is killed anywhere while a connection changes or ends goes on, and loses no message.
import { describe } from 'vitest'
import type { Flow } from './support/case.js'
import { faultTests } from './support/fault-tests.js'

const connected = { roles: ['inviter', 'joiner'], before: [[], []] } as const

const rotation: Flow = {
  ...connected,
  actions: [
    ['talk', 'rotate'],
    ['talk', 'follow'],
  ],
  count: 3,
}

const synchronization: Flow = {
  ...connected,
  actions: [
    ['talk', 'synchronize'],
    ['talk', 'agree'],
  ],
  count: 3,
}

/** What is left to do between the last delivery and the deletion is done by the clean-up, 30 s after the start. */
const parting: Flow = { ...connected, actions: [['part'], ['listen']], count: 2, receipts: false, silence: 40_000 }

describe('faults', () => {
  faultTests('a rotation', rotation)
  faultTests('a re-synchronization', synchronization)
  faultTests('a deletion', { ...connected, actions: [['remove'], []], count: 0 })
  faultTests('a parting', parting)
})
