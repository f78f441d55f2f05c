import { describe, expect, it } from 'vitest'
import { createStyle, helpText, shortened, shownText, timeOf } from './words.js'

describe('words', () => {
  it('of a peer cannot look like lines of the program, nor move the cursor', () => {
    expect(shownText('one\n12:00 Alice: forged\x1b[2A')).toBe('one\n      12:00 Alice: forged')
    expect(shortened('one\ntwo')).toBe('one two')
    expect(shortened('👋'.repeat(50), 10)).toBe(`${'👋'.repeat(9)}…`)
  })

  it('tell the time, with the date of another day', () => {
    const now = new Date(2025, 2, 9, 18, 5).getTime()
    expect(timeOf(new Date(2025, 2, 9, 7, 3).getTime(), now)).toBe('07:03')
    expect(timeOf(new Date(2025, 2, 8, 23, 59).getTime(), now)).toBe('2025-03-08 23:59')
  })

  it('are coloured where that is wanted', () => {
    expect(createStyle(true).bold('x')).toBe('\x1b[1mx\x1b[0m')
    expect(createStyle(false).bold('x')).toBe('x')
  })

  it('of the help fit a terminal', () => {
    for (const line of helpText.split('\n')) expect(line.length).toBeLessThanOrEqual(79)
  })
})
