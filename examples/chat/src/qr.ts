// A link as a QR code for a terminal.
import { encode } from 'uqr'

/** Light modules around the code, without which cameras do not find it. */
const quietZone = 4

/** Black on white of the fixed palette, whatever the terminal's own colours are: not every camera reads the inverse. */
const colours = '\x1b[38;5;16;48;5;231m'
const reset = '\x1b[0m'

/**
 * The link with a QR code above it. Instead of a code that does not fit, a line says so; where `columns` is absent (the
 * output is no terminal) there is the link alone. No line break at the end.
 */
export function linkForTerminal(link: string, columns: number | undefined): string {
  if (columns === undefined) return link
  const modules = qrModules(link)
  if (!modules) return `(the link is too long for a QR code)\n${link}`
  if (modules.length > columns) {
    return `(a QR code of this link needs ${modules.length} columns, the terminal has ${columns})\n${link}`
  }
  return `${halfBlocks(modules)}\n${link}`
}

/** Rows of modules, `true` for dark ones, with the quiet zone. */
function qrModules(link: string): boolean[][] | undefined {
  try {
    return encode(link, { border: quietZone, boostEcc: true }).data
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Two rows of modules on one line, as a character is twice as high as it is wide. */
function halfBlocks(modules: boolean[][]): string {
  const lines: string[] = []
  for (let row = 0; row < modules.length; row += 2) {
    const lower = modules[row + 1]
    const blocks = modules[row]?.map((upper, column) => block(upper, lower?.[column] ?? false)) ?? []
    lines.push(`${colours}${blocks.join('')}${reset}`)
  }
  return lines.join('\n')
}

const block = (upper: boolean, lower: boolean): string => (upper ? (lower ? '█' : '▀') : lower ? '▄' : ' ')
