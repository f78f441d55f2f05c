export { systemClock } from '@smpkit/encoding/internal'
export {
  type Answer,
  type FailureData,
  type FailureStatus,
  failure,
  isSuccess,
  isTemporary,
  type SuccessStatus,
} from './answer.js'
export { type AnswerStore, memoryAnswers, type StoredAnswer } from './answers.js'
export { type MessageChannel, type MessageSender, messagePipe, type PipeEnd, type ReceivedMessage } from './channel.js'
export {
  type ClientOptions,
  type Clock,
  createClient,
  type RequestArguments,
  type RequestCallOptions,
  type ServiceClient,
} from './client.js'
export { defineService, type MethodDefinition, type ServiceDefinition } from './definition.js'
export {
  ServiceClientError,
  type ServiceClientErrorCode,
  ServiceError,
  ServiceFailure,
  type ServiceRequestError,
  ServiceStatusError,
} from './errors.js'
export {
  type Incoming,
  type Method,
  maxServiceMessage,
  maxServiceMessagePq,
  methods,
  readMessage,
  type ServiceRequest,
  type ServiceResponse,
  type Syntax,
} from './read-message.js'
export { fillResource, matchResource, maxResource, type Params } from './resource.js'
export {
  createRouter,
  type DispatchOptions,
  type Handler,
  type HandlerFault,
  type HandlerRequest,
  type Handlers,
  type Router,
  type RouterOptions,
} from './router.js'
export { type ServeOptions, serve } from './serve.js'
export {
  type InputOf,
  type Issue,
  issuesOf,
  type OutputOf,
  type SchemaIssue,
  type SchemaResult,
  type StandardSchemaV1,
} from './standard-schema.js'
export {
  encodeRequest,
  encodeResponse,
  newId,
  type OutgoingRequest,
  type RequestOptions,
  type ResponseOptions,
  requestContent,
} from './write-message.js'
