// test-vectors/agent/README.md, link.full, link.short, link.data: spec 12.
import { openBoxPadded, senderIdOf } from '@smpkit/crypto'
import { nonceLength } from '@smpkit/encoding'
import { fixedLinkData, shortLink, userLinkData } from '@smpkit/smp-agent/internal'
import {
  type ConnectionRequest,
  connectionRequestToText,
  deriveLinkKeys,
  type FixedLinkData,
  type LinkScheme,
  type LinkType,
  openLinkData,
  parseConnectionRequest,
  parseShortLink,
  restoreLink,
  type ShortLink,
  sealLinkData,
  shortenLink,
  shortLinkToText,
  type UserLinkData,
} from '@smpkit/smp-agent/links'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { agentForm, failing, ofKind, syntaxErrors } from './agent.js'
import { fromAgentJson, toAgentJson } from './agent-values.js'
import {
  binaryOperations,
  type Fields,
  type Operation,
  operation,
  type Suite,
  type TypedError,
  textOperations,
  type VectorCase,
  VectorError,
} from './case.js'
import { privateKeyIn } from './keys.js'

/** Text operations under the names that they have where a suite has nothing else. */
function plainTextOperations(form: Parameters<typeof textOperations>[0]): Record<string, Operation> {
  const ops = Object.entries(textOperations(form))
  return Object.fromEntries(ops.map(([name, op]) => [name.replace('text-', ''), op]))
}

export const fullLinkSuite: Suite = {
  errorName: syntaxErrors,
  ops: plainTextOperations(() => ({
    encode(json) {
      const { scheme, ...request } = fromAgentJson(json) as ConnectionRequest & { scheme: LinkScheme }
      return connectionRequestToText(request as ConnectionRequest, scheme)
    },
    decode: (text) => toAgentJson(parseConnectionRequest(text)),
  })),
}

const shortText = plainTextOperations(() => ({
  encode: (json) => shortLinkToText(fromAgentJson(json) as ShortLink),
  decode: (text) => toAgentJson(parseShortLink(text)),
}))
const shortBinary = binaryOperations(ofKind({ binary: agentForm(shortLink) }))

/** The operation of the text form, or of the binary one where the case says so. */
function eitherForm(name: string): Operation {
  const of = (vector: VectorCase): Operation => {
    const op = (vector.kind === undefined ? shortText : shortBinary)[name]
    if (!op) throw new VectorError(`unknown op ${name}`)
    return op
  }
  return { actual: (vector) => of(vector).actual(vector), expected: (vector) => of(vector).expected(vector) }
}

const withPresets = (change: (link: ShortLink, presets: ServerAddress[]) => ShortLink) =>
  operation((input) => {
    const presets = input.list('presets').map((json) => fromAgentJson(json) as ServerAddress)
    return { link: toAgentJson(change(fromAgentJson(input.get('link')) as ShortLink, presets)) }
  })

export const shortLinkSuite: Suite = {
  errorName: syntaxErrors,
  ops: {
    ...Object.fromEntries(Object.keys(shortText).map((name) => [name, eitherForm(name)])),
    shorten: withPresets(shortenLink),
    restore: withPresets(restoreLink),
  },
}

/** `A_LINK` with what it is about, as our messages begin. */
function openErrors(error: TypedError): string {
  if (error.code === 'A_CRYPTO') return 'DECRYPT_CB'
  return error.code === 'A_LINK' ? `A_LINK ${error.message.split(':')[0]}` : error.code
}

const typeIn = (input: Fields) => input.text('type') as LinkType

export const linkDataSuite: Suite = {
  errorName: syntaxErrors,
  ops: {
    ...binaryOperations(
      ofKind({
        fixedInvitation: agentForm(fixedLinkData('invitation')),
        fixedContact: agentForm(fixedLinkData('contact')),
        userInvitation: agentForm(userLinkData('invitation')),
        userContact: agentForm(userLinkData('contact')),
      }),
    ),
    derive: operation((input) => {
      const contact = deriveLinkKeys('contact', input.bytes('linkKey'))
      const invitation = deriveLinkKeys('invitation', input.bytes('linkKey'))
      return { contactLinkId: contact.linkId, contactKey: contact.dataKey, invitationKey: invitation.dataKey }
    }),
    senderId: operation((input) => ({ senderId: senderIdOf(input.bytes('correlationId')) })),
    seal: operation((input) => {
      const { linkKey, fixedData, userData } = sealLinkData({
        fixed: fromAgentJson(input.get('fixed')) as FixedLinkData,
        user: fromAgentJson(input.get('user')) as UserLinkData,
        rootKey: privateKeyIn(input, 'rootKey', 'ed25519'),
        userSigningKey: privateKeyIn(input, 'userSigningKey', 'ed25519'),
        nonces: { fixed: input.bytes('fixedNonce'), user: input.bytes('userNonce') },
      })
      const { dataKey } = deriveLinkKeys(typeIn(input), linkKey)
      const opened = (item: Uint8Array) =>
        openBoxPadded(dataKey, item.subarray(0, nonceLength), item.subarray(nonceLength))
      return {
        linkKey,
        encryptionKey: dataKey,
        fixedSigned: opened(fixedData),
        userSigned: opened(userData),
        fixedData,
        userData,
      }
    }),
    open: failing(
      operation((input) => {
        const sealed = { fixedData: input.bytes('fixedData'), userData: input.bytes('userData') }
        return toAgentJson(openLinkData(typeIn(input), input.bytes('linkKey'), sealed))
      }),
      openErrors,
    ),
  },
}
