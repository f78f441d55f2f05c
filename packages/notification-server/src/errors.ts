// What the notification server refuses; spec 30 §2 gives the status names of a front door.

export type RefusalReasons = {
  /** The field that does not fit. */
  BAD_REQUEST: 'server' | 'notifierId' | 'notifierKey' | 'provider' | 'token' | 'dhKey' | 'code' | 'minutes'
  /** No such row of this owner, which is also the answer for another owner's. */
  NOT_FOUND: 'token' | 'subscription'
  /** There was such a row of this owner, which was deleted within the last day. */
  GONE: 'token' | 'subscription'
  /** `code`: a wrong code. `status`: the token waits for no code. */
  FORBIDDEN: 'code' | 'status'
  /**
   * `auth`: the SMP server does not accept the notifier key. `taken`: another owner has this notifier. `dhKey`: the token is
   * registered with another key. `exists`: this owner has another registration of the device.
   */
  CONFLICT: 'auth' | 'taken' | 'dhKey' | 'exists'
  /** The owner has as many as it may; of `servers`, as many new ones as in a day. */
  LIMIT: 'tokens' | 'subscriptions' | 'servers'
}

export class NotificationServerError<C extends keyof RefusalReasons = keyof RefusalReasons> extends Error {
  override readonly name = 'NotificationServerError'
  readonly temporary: boolean

  constructor(
    readonly code: C,
    readonly reason: RefusalReasons[C],
    message: string,
    options?: ErrorOptions & {
      /** How many there may be, of `LIMIT`. */
      readonly max?: number
      /** After how many milliseconds it may be tried again, where that helps. */
      readonly retryAfter?: number
    },
  ) {
    super(message, options)
    this.max = options?.max
    this.retryAfter = options?.retryAfter
    this.temporary = options?.retryAfter !== undefined
  }

  readonly max: number | undefined
  readonly retryAfter: number | undefined
}
