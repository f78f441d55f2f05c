import { expect, test } from 'vitest'
import {
  type AgentVersion,
  agentVersions,
  commonAgentVersion,
  commonClientVersion,
  has,
  raiseAgentVersion,
  since,
} from './versions.js'

test.each([
  [{ min: 1, max: 1 }, undefined],
  [{ min: 1, max: 2 }, 2],
  [{ min: 2, max: 7 }, 7],
  [{ min: 6, max: 9 }, 7],
  [{ min: 8, max: 9 }, undefined],
])('agents of %o speak %s with us', (theirs, common) => {
  expect(commonAgentVersion(theirs)).toBe(common)
})

test('queues of versions 1 to 4 can be sent to', () => {
  expect(commonClientVersion({ min: 1, max: 1 })).toBe(1)
  expect(commonClientVersion({ min: 3, max: 9 })).toBe(4)
  expect(commonClientVersion({ min: 5, max: 5 })).toBeUndefined()
})

test('the version of a connection rises with what is received and never falls', () => {
  const five = 5 as AgentVersion
  expect([2, 5, 6, 99].map((received) => raiseAgentVersion(five, received))).toEqual([5, 5, 6, 7])
})

test('a feature is there from its version on', () => {
  for (const [name, first] of Object.entries(since)) {
    const feature = name as keyof typeof since
    expect([first - 1, first].map((version) => has(version as AgentVersion, feature))).toEqual([false, true])
  }
  expect(Object.keys(since).every((name) => has(agentVersions.max, name as keyof typeof since))).toBe(true)
})
