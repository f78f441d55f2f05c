// Spec 11 §11.8, 13 §13.5: what an error means for what is being tried.

import { StoreError } from '@smpkit/agent-store'
import { CryptoError } from '@smpkit/crypto'
import { DecodeError } from '@smpkit/encoding'
import { RatchetError } from '@smpkit/ratchet'
import { SmpError, SmpReplyError } from '@smpkit/smp-client'
import { AgentError, RequestError } from './errors.js'

/** Whether the same may work later. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof SmpReplyError) return error.temporary || hostOf(error)
  return (error instanceof SmpError || error instanceof StoreError || error instanceof AgentError) && error.temporary
}

/** Errors of the destination's host, seen through a proxy: retried for sending. */
function hostOf({ reply }: SmpReplyError): boolean {
  return reply.code === 'PROXY' && reply.inner.code === 'BROKER' && reply.inner.inner.code === 'HOST'
}

/** What it was about has been deleted meanwhile. */
export const isGone = (error: unknown): boolean => error instanceof RequestError && error.code === 'NOT_FOUND'

export function isReply(error: unknown, code: SmpReplyError['code']): boolean {
  if (!(error instanceof SmpReplyError)) return false
  if (error.code === code) return true
  const { reply } = error
  return reply.code === 'PROXY' && reply.inner.code === 'PROTOCOL' && reply.inner.inner.code === code
}

/** What an event tells of an error: never more than its code and message, which hold no secrets. */
export function problemOf(error: unknown): { code: string; reason: string } {
  const isOurs =
    error instanceof AgentError ||
    error instanceof RatchetError ||
    error instanceof SmpError ||
    error instanceof StoreError ||
    error instanceof CryptoError ||
    error instanceof DecodeError
  if (isOurs) return { code: error.code, reason: error.message.slice(0, 120) }
  return { code: 'INTERNAL', reason: 'unexpected error' }
}
