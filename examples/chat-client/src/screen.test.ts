import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openScreen, type Screen } from './screen.js'

const columns = 20

/** As much of a terminal as readline and the screen use: text, line breaks, and moving and clearing. */
class Terminal {
  #rows: string[][] = [[]]
  #row = 0
  #column = 0

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals are told with.
    for (const [, parameter = '', command = '', plain = ''] of text.matchAll(/\x1b\[([\d;?]*)([A-Za-z])|(.|\n|\r)/g)) {
      if (command) this.#command(command, Number(parameter))
      else if (plain === '\n') this.#break()
      else if (plain === '\r') this.#column = 0
      else this.#put(plain)
    }
  }

  #break(): void {
    this.#row += 1
    this.#column = 0
    this.#rows[this.#row] ??= []
  }

  #put(character: string): void {
    if (this.#column === columns) this.#break()
    const row = this.#rows[this.#row] ?? []
    row[this.#column++] = character
  }

  #command(command: string, count: number): void {
    const by = count || 1
    if (command === 'A') this.#row = Math.max(0, this.#row - by)
    if (command === 'B') this.#row += by
    if (command === 'C') this.#column += by
    if (command === 'D') this.#column = Math.max(0, this.#column - by)
    if (command === 'G') this.#column = by - 1
    if (command === 'J') this.#rows.splice(this.#row + 1)
    if (command === 'J' || command === 'K') this.#rows[this.#row]?.splice(this.#column)
  }

  get rows(): string[] {
    return this.#rows.map((row) =>
      Array.from(row, (character) => character ?? ' ')
        .join('')
        .trimEnd(),
    )
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('a screen at a terminal', () => {
  let terminal: Terminal
  let input: PassThrough & { isTTY?: boolean; setRawMode?: () => void }
  let screen: Screen
  let interrupts: number

  beforeEach(() => {
    terminal = new Terminal()
    interrupts = 0
    input = Object.assign(new PassThrough(), { isTTY: true, setRawMode() {} })
    const output = Object.assign(new PassThrough(), { isTTY: true, columns })
    const { write } = output
    output.write = ((chunk: string) => {
      terminal.write(String(chunk))
      return write.call(output, chunk, 'utf8')
    }) as typeof output.write
    output.resume()
    const onInterrupt = () => {
      interrupts += 1
    }
    screen = openScreen({ input, output, completer: (line) => [[], line], onInterrupt })
    screen.prompt('Bob> ')
  })
  afterEach(() => screen.close())

  const type = async (text: string) => {
    input.write(text)
    await settled()
  }

  it('prints above what is being typed, and leaves that as it is', async () => {
    await type('hel')
    screen.print('12:00 Bob: hi')
    expect(terminal.rows).toEqual(['12:00 Bob: hi', 'Bob> hel'])
    await type('lo')
    expect(terminal.rows).toEqual(['12:00 Bob: hi', 'Bob> hello'])
  })

  it('does so, too, where it takes several rows', async () => {
    screen.print('first')
    await type('a long text that takes more than two rows')
    const typed = ['Bob> a long text tha', 't takes more than tw', 'o rows']
    expect(terminal.rows).toEqual(['first', ...typed])
    screen.print('second\nand third')
    expect(terminal.rows).toEqual(['first', 'second', 'and third', ...typed])
    screen.print('fourth')
    expect(terminal.rows).toEqual(['first', 'second', 'and third', 'fourth', ...typed])
  })

  it('changes the prompt under the text', async () => {
    await type('hi')
    screen.prompt('Alice> ')
    expect(terminal.rows).toEqual(['Alice> hi'])
  })

  it('gives each line, also those that were typed before somebody asked, and leaves them on the screen', async () => {
    await type('one\rtwo\r')
    const lines = screen.lines(new AbortController().signal)[Symbol.asyncIterator]()
    expect(await lines.next()).toMatchObject({ value: 'one' })
    expect(await lines.next()).toMatchObject({ value: 'two' })
    expect(terminal.rows.slice(0, 1)).toEqual(['Bob> one'])
  })

  it('tells of Ctrl-C, ends with Ctrl-D, and leaves no prompt', async () => {
    await type('\x03')
    expect(interrupts).toBe(1)
    screen.print('bye')
    screen.close()
    expect(terminal.rows).toEqual(['bye', ''])
    const lines = screen.lines(new AbortController().signal)[Symbol.asyncIterator]()
    expect(await lines.next()).toMatchObject({ done: true })
  })

  it('ends its lines with the signal, by its reason', async () => {
    const ending = new AbortController()
    const next = screen.lines(ending.signal)[Symbol.asyncIterator]().next()
    ending.abort()
    await expect(next).rejects.toThrow()
  })
})
