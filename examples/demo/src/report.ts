// What the demo prints: lines for a person, or JSON lines.

/** One thing that happened, in the order of the walk. */
export interface Step {
  /** Number of the step in the RFC; `null` for what surrounds it. */
  readonly step: number | null
  readonly from: string
  readonly to: string
  /** The protocol's word, or what was called. */
  readonly what: string
  readonly meaning: string
  /** Instead of a size, where nothing was sent. */
  readonly note?: string
  /** Size of what was sent, without padding. */
  readonly bytes?: number
  /** Since what it answers, or for what was done. */
  readonly ms?: number
}

export interface Report {
  start(facts: Record<string, string>): void
  heading(text: string): void
  step(step: Step): void
  /** Something to look at: what the provider or the phone sees. */
  exhibit(title: string, fields: Record<string, string>): void
  end(ms: number): void
}

/** JSON lines; each has a `type`. */
export function jsonReport(write: (line: string) => void): Report {
  const line = (type: string, value: object) => write(JSON.stringify({ type, ...value }))
  return {
    start: (facts) => line('start', facts),
    heading: (text) => line('heading', { text }),
    step: ({ ms, ...step }) => line('step', ms === undefined ? step : { ...step, ms: round(ms) }),
    exhibit: (title, fields) => line('exhibit', { title, fields }),
    end: (ms) => line('end', { ms: round(ms) }),
  }
}

/** Texts for a person; a line with a step has at most 100 columns. */
export function textReport(write: (line: string) => void, { color }: { color: boolean }): Report {
  const paint = (code: number) => (text: string) => (color ? `\x1b[${code}m${text}\x1b[0m` : text)
  const bold = paint(1)
  const dim = paint(2)
  const cyan = paint(36)
  const green = paint(32)
  let parted = false
  const print = (line: string) => {
    parted = line === ''
    write(line)
  }
  /** One empty line, wherever it is asked for. */
  const part = () => {
    if (!parted) print('')
  }
  const fields = (values: Record<string, string>) => {
    const width = Math.max(...Object.keys(values).map((name) => name.length))
    for (const [name, value] of Object.entries(values)) print(`    ${dim(name.padEnd(width))}  ${value}`)
    part()
  }
  return {
    start(facts) {
      part()
      print(bold('  smpkit demo: a message becomes an encrypted push'))
      part()
      fields(facts)
    },
    heading(text) {
      part()
      print(`  ${bold(text)}`)
    },
    step({ step, from, to, what, meaning, note, bytes, ms }) {
      // The protocol's word has a column of its own; what follows it goes with the meaning.
      const [word = '', ...rest] = what.split(' ')
      const parties = `${shortName(from)} → ${shortName(to)}`.padEnd(23)
      const size = bytes === undefined ? (note ?? '') : `${bytes.toLocaleString('en')} B`
      const time = ms === undefined ? '' : `${(ms < 100 ? round(ms) : Math.round(ms)).toLocaleString('en')} ms`
      const facts = dim(`${size.padStart(11)} ${time.padStart(8)}`)
      const number = step === null ? ' ' : cyan(`${step}`)
      print(`  ${number} ${parties} ${green(word.padEnd(9))} ${facts}  ${[...rest, meaning].join(': ')}`)
    },
    exhibit(title, values) {
      part()
      print(`    ${bold(title)}`)
      fields(values)
    },
    end(ms) {
      part()
      print(
        `  ${bold('Done')} in ${(ms / 1000).toFixed(1)} s: the phone read it, and the push provider saw nothing of it.`,
      )
      part()
    },
  }
}

/** So that a line fits a terminal; the start says what is what. */
const shortName = (party: string): string =>
  ({ 'notification server': 'ntf server', 'push provider': 'provider' })[party] ?? party

/** Tenths of a millisecond are enough to look at. */
const round = (ms: number): number => Math.round(ms * 10) / 10
