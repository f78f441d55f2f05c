// Makes text of a peer safe to print: it must not move the cursor, change colours, or look like lines of the program.

/** Escape sequences as a whole (ECMA-48 §5.3, §5.4, §5.6), so that nothing of them is left to read. */
const escapeSequences =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about.
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[P\]X^_]|[\x90\x98\x9d-\x9f])[^\x00-\x1f\x7f-\x9f]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]/g

const lineBreaks = /\r\n|[\n-\r\x85\u2028\u2029]/g

/** Marks, embeddings, overrides and isolates: they reorder what stands around them. */
const bidiControls = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * Text of a peer without control characters, escape sequences, bidirectional controls and halves of surrogate pairs.
 * Line breaks become `lineBreak`: give one that indents, so that no line of a peer looks like one of the program.
 */
export function printable(text: string, lineBreak = ' '): string {
  const safe = text
    .replace(escapeSequences, '')
    .replace(bidiControls, '')
    .replace(/\t/g, ' ')
    .split(lineBreaks)
    .map((line) => line.replace(/[\p{Cc}\p{Cs}]/gu, ''))
  return safe.join(lineBreak)
}
