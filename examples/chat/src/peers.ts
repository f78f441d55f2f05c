// Spec 31: what both sides of a connection tell of themselves.
import { bodyLimits, decodeBody, encodeMessage, newMessageId } from './messages.js'
import { printable } from './terminal.js'

const profileOf = (name: string) => ({ displayName: name, fullName: '' })

/** Connection information for an invitation, or for who has asked to connect. */
export const encodeInfo = (name: string): Uint8Array =>
  encodeMessage({ event: 'x.info', msgId: null, params: { profile: profileOf(name) } }, bodyLimits.connInfo.postQuantum)

/** Connection information of a request to a contact address. */
export const encodeContactInfo = (name: string): Uint8Array =>
  encodeMessage(
    { event: 'x.contact', msgId: null, params: { profile: profileOf(name), contactReqId: null, content: null } },
    bodyLimits.connInfo.postQuantum,
  )

/** @throws ChatError `LARGE` */
export const encodeText = (text: string, limit: number = bodyLimits.message.plain): Uint8Array =>
  encodeMessage({ event: 'x.msg.new', msgId: newMessageId(), params: { content: { type: 'text', text } } }, limit)

/** Characters of a name that are shown. */
const maxName = 40

/** A peer's name, safe to print on a line. */
export function shownName(displayName: string): string {
  const name = printable(displayName).replace(/\s+/g, ' ').trim()
  return [...name].slice(0, maxName).join('') || 'unknown'
}

/** What a peer wrote with a request. */
export interface PeerInfo {
  /** As `shownName` makes it. */
  readonly name: string
  /** A text that came with a request, or `null`. It is not made safe to print. */
  readonly text: string | null
}

/** Who a peer says they are; whatever they wrote, there is a name. */
export async function decodeInfo(info: Uint8Array): Promise<PeerInfo> {
  for (const message of (await decodeBody(info)).messages) {
    if (message.event === 'x.info') return { name: shownName(message.params.profile.displayName), text: null }
    if (message.event === 'x.contact') {
      const { profile, content } = message.params
      return { name: shownName(profile.displayName), text: content ? content.text : null }
    }
  }
  return { name: 'unknown', text: null }
}
