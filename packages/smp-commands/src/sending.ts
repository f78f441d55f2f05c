// Spec 04 §4, §6: what the sender does with a queue.
import { authKey } from '@smpkit/crypto'
import { bool, type Codec, record, tail } from '@smpkit/encoding'
import { type Commands, senderOk } from './definitions.js'

const space = 0x20

/** `T` or `F`; more flags up to the space are reserved and skipped. */
const notification: Codec<boolean> = {
  write(w, v) {
    bool.write(w, v)
    w.byte(space)
  },
  read(r) {
    const flag = bool.read(r)
    while (r.peek() !== space) r.byte()
    r.byte()
    return flag
  },
}

export const senderCommands = {
  /** Secures a messaging queue with the sender's own key. */
  SKEY: { ...senderOk, params: record({ senderKey: authKey }) },
  /** Puts a message of at most 16048 bytes into the queue; `notification`: the recipient's device may be woken. */
  SEND: { ...senderOk, auth: 'optional', params: record({ notification, body: tail }) },
} as const satisfies Commands

/** The longest body of `SEND` (04 §6.1). */
export const maxMessageLength = 16048
