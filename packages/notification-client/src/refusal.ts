// Spec 20 §12, 30 §5: what an answer of the server means for the registration.

/**
 * `unknown`: the server does not know the token, or not with these keys. `inactive`: the token has to be verified again. `conflict`: this registration
 * cannot be what is wanted, and is to be left.
 */
export type RefusalReason = 'unknown' | 'inactive' | 'conflict'

/** The server's answer is such that the registration has to change. `cause` is what the protocol says. */
export class Refusal extends Error {
  override readonly name = 'Refusal'

  constructor(
    readonly reason: RefusalReason,
    cause: unknown,
  ) {
    super(`the notification server refuses: ${reason}`, { cause })
  }
}
