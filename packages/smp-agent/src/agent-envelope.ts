// Spec 11 §11.4: what stands inside a client message.
import { type Codec, letters, optional, record, tagged, tail, word16 } from '@smpkit/encoding'
import { type E2eParams, type E2eProposedParams, e2eParams, e2eProposedParams } from '@smpkit/ratchet'
import { connectionRequestToText, type InvitationRequest, parseConnectionRequest } from './connection-request.js'
import { LinkError } from './errors.js'

/** The text of an invitation link with a 16-bit length. */
const invitationText: Codec<InvitationRequest> = {
  write: (w, v) => w.largeBytes(new TextEncoder().encode(connectionRequestToText(v))),
  read(r) {
    const at = r.position
    const text = r.utf8(r.largeBytes())
    try {
      const request = parseConnectionRequest(text)
      if (request.type === 'invitation') return request
    } catch (error) {
      if (!(error instanceof LinkError)) throw error
    }
    throw r.invalid('expected the text of an invitation', at)
  },
}

/** The first contact of both sides: the joiner's has parameters, the initiator's answer none. */
export interface Confirmation {
  readonly type: 'confirmation'
  readonly e2eParams: E2eParams | null
  /** An agent message `connInfoReply` (joiner) or `connInfo`, encrypted by the ratchet. */
  readonly encConnInfo: Uint8Array
}

export interface MessageEnvelope {
  readonly type: 'message'
  /** An agent message `message`, encrypted by the ratchet. */
  readonly encAgentMessage: Uint8Array
}

/** To a contact address; encrypted for the queue only. */
export interface Invitation {
  readonly type: 'invitation'
  readonly connReq: InvitationRequest
  readonly connInfo: Uint8Array
}

/** Re-synchronisation; encrypted for the queue only. */
export interface RatchetKey {
  readonly type: 'ratchetKey'
  readonly e2eParams: E2eProposedParams
  /** An agent message `ratchetInfo`. */
  readonly info: Uint8Array
}

/** `agentVersion` is any 16-bit number. */
export type AgentEnvelope = { readonly agentVersion: number } & (
  | Confirmation
  | MessageEnvelope
  | Invitation
  | RatchetKey
)

const content = tagged('type', letters({ C: 'confirmation', M: 'message', I: 'invitation', R: 'ratchetKey' }), {
  confirmation: record<Omit<Confirmation, 'type'>>({ e2eParams: optional(e2eParams), encConnInfo: tail }),
  message: record<Omit<MessageEnvelope, 'type'>>({ encAgentMessage: tail }),
  invitation: record<Omit<Invitation, 'type'>>({ connReq: invitationText, connInfo: tail }),
  ratchetKey: record<Omit<RatchetKey, 'type'>>({ e2eParams: e2eProposedParams, info: tail }),
})

/** Version, tag, content. Arrays that it reads are views. */
export const agentEnvelope: Codec<AgentEnvelope> = {
  write(w, v) {
    w.word16(v.agentVersion)
    content.write(w, v)
  },
  read: (r) => ({ agentVersion: word16.read(r), ...content.read(r) }),
}
