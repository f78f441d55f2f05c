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

export function textReport(write: (line: string) => void, { color }: { color: boolean }): Report {
  const paint = (code: number) => (text: string) => (color ? `\x1b[${code}m${text}\x1b[0m` : text)
  const bold = paint(1)
  const dim = paint(2)
  const cyan = paint(36)
  const green = paint(32)
  const fields = (values: Record<string, string>) => {
    const width = Math.max(...Object.keys(values).map((name) => name.length))
    for (const [name, value] of Object.entries(values)) write(`      ${dim(name.padEnd(width))}  ${value}`)
  }
  return {
    start(facts) {
      write('')
      write(bold('  smpkit demo: a message becomes an encrypted push'))
      write('')
      fields(facts)
    },
    heading(text) {
      write('')
      write(`  ${bold(text)}`)
    },
    step({ step, from, to, what, meaning, bytes, ms }) {
      const number = step === null ? ' ' : cyan(`${step}`)
      const size = bytes === undefined ? '' : `${bytes.toLocaleString('en')} B`
      const time = ms === undefined ? '' : `${round(ms).toLocaleString('en')} ms`
      const facts = dim(`${size.padStart(8)} ${time.padStart(10)}`)
      write(`  ${number} ${`${from} → ${to}`.padEnd(35)} ${green(what.padEnd(23))} ${facts}  ${meaning}`)
    },
    exhibit(title, values) {
      write('')
      write(`      ${bold(title)}`)
      fields(values)
    },
    end(ms) {
      write('')
      write(`  ${bold('Done')} in ${(ms / 1000).toFixed(1)} s.`)
      write('')
    },
  }
}

/** Tenths of a millisecond are enough to look at. */
const round = (ms: number): number => Math.round(ms * 10) / 10
