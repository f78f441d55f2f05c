export { type Address, openAddress } from './address.js'
export { type AgentProgram, type AgentProgramOptions, eachEvent, withAgent } from './agent-program.js'
export { type Database, type DatabaseOptions, databaseError, openDatabase } from './database.js'
export { openPostgresPool, openSqliteFile } from './database-drivers.js'
export { ChatError, type ChatErrorCode } from './errors.js'
export { type EventName, type Params, wantsNotification } from './events.js'
export type { Content, Profile } from './fields.js'
export { addLocalOption, type StartServer, withLocalServer } from './local-server.js'
export {
  bodyLimits,
  type ChatMessage,
  contactRequestLimit,
  contentToText,
  type DecodedBody,
  decodeBody,
  encodeMessage,
  newMessageId,
  type OutgoingMessage,
} from './messages.js'
export { addCommonOptions, type CommonDefaults, type CommonOptions, readName, readServer } from './options.js'
export { decodeInfo, encodeContactInfo, encodeInfo, encodeText, type PeerInfo, shownName } from './peers.js'
export { type ProgramOptions, type Running, runProgram } from './program.js'
export { describeError, type ExitCode, exitCodeOf, exitCodes, ProgramError, usageError } from './program-errors.js'
export { linkForTerminal } from './qr.js'
export type { Archive, RecordOf, Records } from './records.js'
export { printable } from './terminal.js'
