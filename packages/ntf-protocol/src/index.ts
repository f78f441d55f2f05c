export type { BackOffOptions } from '@smpkit/encoding/internal'
export { type Clock, systemClock } from '@smpkit/encoding/internal'
export { ntfAddressToText, ntfPortOf, parseNtfAddress } from './address.js'
export {
  authorizeNtf,
  checkNtfAuthorization,
  type NtfAuthorized,
  type NtfAuthorizedTransmission,
  type NtfAuthorizing,
} from './authorization.js'
export { maxNtfTransmissionLength, packCommands, packResponses } from './batch.js'
export { NtfClient, type NtfClientOptions } from './client.js'
export {
  type NtfCommand,
  type NtfCommandDefinition,
  type NtfCommandOf,
  type NtfCommandTag,
  ntfCommandFormat,
  ntfCommands,
} from './commands.js'
export type { NtfConnect } from './connect.js'
export {
  type DeviceToken,
  type DeviceTokenJson,
  deviceTokenFromJson,
  deviceTokenFromText,
  deviceTokenToJson,
  deviceTokenToText,
  type ProviderName,
  type ProviderTag,
  providerName,
  providerTag,
} from './device-token.js'
export { NtfClientError, type NtfClientErrorCode, NtfError, NtfReplyError } from './errors.js'
export { type NotifierQueue, notifierQueueToText, parseNotifierQueue } from './notifier-queue.js'
export { type NtfOpenOptions, openNtfSession } from './open-session.js'
export {
  type NtfFault,
  type ReceivedCommand,
  type ReceivedResponse,
  receiveCommands,
  receiveResponses,
} from './receive.js'
export type { NtfOutcome, NtfRequest, NtfRequestOptions } from './requests.js'
export { type Responding, writeResponse } from './respond.js'
export {
  type NtfAnswerTo,
  type NtfResponse,
  type NtfResponseDefinition,
  type NtfResponseOf,
  type NtfResponseTag,
  ntfResponseFormat,
  ntfResponses,
} from './responses.js'
export type { NtfClientEnd, NtfServerEnd, NtfSession } from './session.js'
export { NtfSessionClient, type NtfSessionOptions } from './session-client.js'
export type {
  InvalidReason,
  NtfSubscriptionState,
  NtfSubscriptionStatus,
  NtfTokenState,
  NtfTokenStatus,
} from './statuses.js'
export { type NtfTestStep, testNtfServer } from './test-server.js'
export {
  commonNtfVersion,
  has,
  type NtfFeature,
  type NtfVersion,
  ntfBlockSize,
  ntfDefaultPort,
  ntfVersions,
  since,
} from './versions.js'
