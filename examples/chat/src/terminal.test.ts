import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printable } from './terminal.js'

describe('text of a peer', () => {
  test.each([
    ['colours', '\x1b[31mred\x1b[0m', 'red'],
    ['cursor movements', 'a\x1b[2A\x1b[1;1Hb', 'ab'],
    ['a cleared screen', '\x1bc\x1b[2J\x1b[3Ja', 'a'],
    ['the terminal’s title', '\x1b]0;title\x07a\x1b]2;title\x1b\\b', 'ab'],
    ['links and clipboard writes', '\x1b]8;;http://x\x1b\\a\x1b]52;c;Zm9v\x07b', 'ab'],
    ['device control strings', '\x1bPq#0\x1b\\a', 'a'],
    ['character sets', '\x1b(0a\x1b(B', 'a'],
    ['one-byte forms', '\x9b31ma\x9d0;title\x9cb\x90q\x9cc', 'abc'],
    ['an escape that is cut', 'a\x1b', 'a'],
    ['a sequence that is cut', 'a\x1b[31', 'a31'],
    ['a string without an end', 'a\x1b]0;title', 'a0;title'],
    ['a sequence in a sequence', 'a\x1b\x1b[0m[31mb', 'a[31mb'],
    ['backspaces, bells and NUL', 'a\b\x07\0\x7fb', 'ab'],
    ['overrides and isolates', 'a\u202egnp\u202c.\u2066exe\u2069\u200f', 'agnp.exe'],
    ['halves of surrogate pairs', 'a\ud800b\udc00', 'ab'],
  ])('loses %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown)
  })

  test('keeps what people write', () => {
    const text = 'Grüße, Ωμέγα, שלום, مرحبا, 你好, 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 [31m c:\\x'
    expect(printable(text)).toBe(text)
  })

  test('has no line breaks, but for those that are asked for', () => {
    const text = 'a\nb\r\nc\rd\u2028e\u2029f\vg\fh\x85i'
    expect(printable(text)).toBe('a b c d e f g h i')
    expect(printable(text, '\n  ').split('\n')).toEqual(['a', ...[...'bcdefghi'].map((char) => `  ${char}`)])
  })

  test('never has a control character, whatever it is', () => {
    const unit = fc.oneof(
      fc.constantFrom('\x1b', '[', ']', '\x9b', '\x9d', '\x07', '\\', ';', '0', 'm', '\n', '\r', '\u202e', '\ud83d'),
      fc.string({ unit: 'binary', maxLength: 2 }),
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 40 }), (units) => {
        const shown = printable(units.join(''))
        expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u)
        expect(printable(shown)).toBe(shown)
      }),
      { numRuns: 2000 },
    )
  })
})
