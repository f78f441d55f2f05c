// What is wrong with a push or with a device token. What a push provider answers is an outcome, no error.

/** The base of the errors that this package throws. Messages never hold tokens, keys or contents. */
export abstract class PushError extends Error {
  abstract override readonly name: string
  abstract readonly code: string
  readonly temporary: boolean = false
}

/** A payload that cannot be made or read (21 A1–A3). */
export class PayloadError extends PushError {
  override readonly name = 'PayloadError'

  constructor(
    /** `FORMAT`: not the text or the JSON of a push. `DECRYPT`: not encrypted for this token. `LARGE`: it does not fit. */
    readonly code: 'FORMAT' | 'DECRYPT' | 'LARGE',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** Not a device token of this provider. */
export class DeviceTokenError extends PushError {
  override readonly name = 'DeviceTokenError'
  readonly code = 'DEVICE_TOKEN'
}

/** A provider's keys or settings cannot be used: its operator has to correct them. */
export class ProviderConfigError extends PushError {
  override readonly name = 'ProviderConfigError'
  readonly code = 'PROVIDER_CONFIG'
}
