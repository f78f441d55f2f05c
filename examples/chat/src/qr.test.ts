import { encode } from 'uqr'
import { describe, expect, test } from 'vitest'
import { linkForTerminal } from './qr.js'

const link = `https://simplex.chat/contact#/?v=2-7&smp=smp%3A%2F%2F${'Ab1-_'.repeat(40)}`

/** The modules that a person sees, `true` for dark. */
function modulesOf(lines: string[]): boolean[][] {
  return lines.flatMap((line) => {
    const blocks = [...line.replace('\x1b[38;5;16;48;5;231m', '').replace('\x1b[0m', '')]
    return [blocks.map((block) => '█▀'.includes(block)), blocks.map((block) => '█▄'.includes(block))]
  })
}

describe('a link for a terminal', () => {
  test('comes below its QR code, black on white, with four light modules around', () => {
    const lines = linkForTerminal(link, 200).split('\n')
    expect(lines.pop()).toBe(link)
    for (const line of lines) {
      expect(line.startsWith('\x1b[38;5;16;48;5;231m')).toBe(true)
      expect(line.endsWith('\x1b[0m')).toBe(true)
    }
    const code = encode(link, { border: 0, boostEcc: true }).data
    const side = code.length + 8
    const shown = modulesOf(lines)
    expect(shown.length).toBe(side + 1)
    shown.forEach((row, y) => {
      expect(row).toHaveLength(side)
      row.forEach((isDark, x) => {
        expect(isDark).toBe(code[y - 4]?.[x - 4] ?? false)
      })
    })
  })

  test('has a code exactly as long as it fits, and says why there is none', () => {
    const needed = encode(link, { border: 4 }).size
    expect(linkForTerminal(link, needed)).toContain('▀')
    expect(linkForTerminal(link, needed - 1)).toBe(
      `(a QR code of this link needs ${needed} columns, the terminal has ${needed - 1})\n${link}`,
    )
    const long = link.repeat(20)
    expect(linkForTerminal(long, 1000)).toBe(`(the link is too long for a QR code)\n${long}`)
  })

  test('is the link alone where the output is no terminal', () => {
    expect(linkForTerminal(link, undefined)).toBe(link)
  })
})
