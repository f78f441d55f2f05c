// Spec 20 §4, §8: writing responses so that they fit a block.
import { maxNtfTransmissionLength } from './batch.js'
import { type NtfResponse, ntfResponseFormat } from './responses.js'
import type { NtfSession } from './session.js'
import { joinNtfTransmission, writeAuthorized } from './transmission.js'

export interface Responding {
  /** That of the command. */
  readonly corrId: Uint8Array
  /** That of the command, also in errors; empty for the errors `BLOCK` and `SESSION`. */
  readonly entityId: Uint8Array
  readonly response: NtfResponse
}

const none = new Uint8Array(0)

/**
 * Writes a response as a transmission. Below version 3 the reason of `TKN INVALID` is left out. The text of `STORE` and of
 * `SUB ERR` is cut where the transmission would fit no block, and the client would wait in vain.
 */
export function writeResponse(end: NtfSession, { corrId, entityId, response }: Responding): Uint8Array {
  const write = (value: NtfResponse) =>
    joinNtfTransmission(
      end,
      none,
      writeAuthorized(end, corrId, entityId, (w) => ntfResponseFormat(end.version).write(w, value)),
    )
  const transmission = write(response)
  const excess = transmission.length - maxNtfTransmissionLength(end.version)
  return excess > 0 ? write(shortened(response, excess)) : transmission
}

/** Without the last `excess` bytes of its text. */
function shortened(response: NtfResponse, excess: number): NtfResponse {
  if (response.tag === 'SUB' && response.errorText) {
    return { ...response, errorText: response.errorText.subarray(0, Math.max(0, response.errorText.length - excess)) }
  }
  if (response.tag === 'ERR' && response.error.code === 'STORE') {
    return { tag: 'ERR', error: { code: 'STORE', text: cutText(response.error.text, excess) } }
  }
  return response
}

/** Whole characters, as many as the bytes that are left hold. */
function cutText(text: string, excess: number): string {
  const bytes = new TextEncoder().encode(text)
  let end = Math.max(0, bytes.length - excess)
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, end))
}
