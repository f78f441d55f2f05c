// Spec 31: JSON that a stranger wrote.
import { ChatError } from './errors.js'

/** No chat message needs more; recursive code, such as `JSON.stringify`, fails on some thousands. */
const maxDepth = 32

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Parses JSON in UTF-8. @throws ChatError `JSON`, `DEPTH` */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new ChatError('JSON', `expected UTF-8 in ${bytes.length} bytes`)
  }
  if (isDeeper(text, maxDepth)) throw new ChatError('DEPTH', `expected JSON of at most ${maxDepth} levels`)
  try {
    return JSON.parse(text)
  } catch {
    // The cause is left out: it quotes the text.
    throw new ChatError('JSON', `expected JSON in ${bytes.length} bytes`)
  }
}

/** Counts brackets outside of strings; right for JSON, harmless for anything else. */
function isDeeper(text: string, limit: number): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (inString) {
      if (char === '\\') i++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '{' || char === '[') {
      if (++depth > limit) return true
    } else if (char === '}' || char === ']') depth--
  }
  return false
}
