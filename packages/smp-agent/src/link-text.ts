// Spec 12 §12.1: what reading the text of a link of any kind has in common.
import { DecodeError } from '@smpkit/encoding'
import { AddressError } from '@smpkit/smp-commands/address'
import { LinkError } from './errors.js'

/** Characters: more than any link has that fits a request to a contact address. */
export const maxLinkLength = 16384

/** @throws LinkError `LENGTH` */
export function requireLinkLength(text: string): void {
  if (text.length <= maxLinkLength) return
  throw new LinkError(
    'LENGTH',
    `expected a link, got text of ${text.length} characters; links have at most ${maxLinkLength}`,
  )
}

/**
 * What `read` makes of the groups of `pattern`; what it cannot read becomes `SYNTAX`.
 * @throws LinkError `LENGTH`, `SYNTAX`
 */
export function readLink<T>(
  text: string,
  name: string,
  pattern: RegExp,
  read: (groups: readonly (string | undefined)[]) => T,
): T {
  requireLinkLength(text)
  const groups = pattern.exec(text)
  if (!groups) throw new LinkError('SYNTAX', `expected ${name}, got text of another form: it may be cut or mistyped`)
  try {
    return read(groups)
  } catch (cause) {
    if (!(cause instanceof DecodeError) && !(cause instanceof AddressError)) throw cause
    throw new LinkError('SYNTAX', `expected ${name} that is whole: ${cause.message}`, { cause })
  }
}
