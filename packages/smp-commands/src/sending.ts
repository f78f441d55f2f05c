// Spec 04 §4, §6: what the sender does with a queue.
import { authKey } from '@smpkit/crypto'
import { bool, type Codec, record, tail } from '@smpkit/encoding'
import { type Commands, senderOk } from './definitions.js'

const space = 0x20

/** `T` or `F` and a space; more flags before it are reserved and skipped. The same in `SEND` and in the body of `MSG`. */
export const notification: Codec<boolean> = {
  write(w, v) {
    bool.write(w, v)
    w.byte(space)
  },
  read(r) {
    const flag = bool.read(r)
    while (r.byte() !== space);
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
