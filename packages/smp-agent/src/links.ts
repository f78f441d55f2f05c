// Spec 12: the entry `@smpkit/smp-agent/links`, all that is needed to read and write links; also in a browser.
export {
  type AgreedVersions,
  agreeVersions,
  type ConnectionRequest,
  type ContactRequest,
  connectionRequestToText,
  type InvitationRequest,
  type LinkScheme,
  parseConnectionRequest,
} from './connection-request.js'
export { AgentError, LinkError, PeerError } from './errors.js'
export { type Link, linkToText, parseLink } from './link.js'
export {
  type ContactUserData,
  deriveLinkKeys,
  type FixedLinkData,
  type InvitationUserData,
  type LinkType,
  openLinkData,
  requestAt,
  type SealedLinkData,
  type SealLinkDataOptions,
  sealLinkData,
  sealUserData,
  type UserLinkData,
} from './link-data.js'
export { authorizeOwner, type LinkOwner } from './link-owners.js'
export { maxLinkLength } from './link-text.js'
export {
  type ContactType,
  parseShortLink,
  requireServer,
  restoreLink,
  type ShortContactLink,
  type ShortInvitationLink,
  type ShortLink,
  shortenLink,
  shortLinkToText,
} from './short-link.js'
export { type AgentVersion, agentVersions, type ClientVersion, clientVersions } from './versions.js'
