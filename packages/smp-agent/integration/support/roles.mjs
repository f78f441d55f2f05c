// How the parties come to be connected. What the result of was not heard is asked for again, as a person would.
import { bytes } from './text.mjs'

const allow = async (party, { connection }) => {
  await party.again(() => party.agent.allow(connection, bytes(party.job.name)))
}

const accept = async (party, { requestId }) => {
  await party.again(() => party.agent.accept(requestId, { info: bytes(party.job.name) }))
}

const invite = (options) => async (party) => {
  party.tellLink(
    await party.once('link', async () => {
      const { link, shortLink } = await party.agent.createInvitation(options)
      return shortLink ?? link
    }),
  )
}

const makeAddress = async (party) => {
  party.tellLink(await party.once('link', async () => (await party.agent.createAddress()).link))
}

const makeShortAddress = async (party) => {
  const address = await party.once('address', async () => (await party.agent.createAddress()).connection)
  party.tellLink(await party.once('link', () => party.agent.setShortLink(address, bytes('an address'))))
}

/** A short invitation that is ours already has nothing behind it any more. */
const join = async (party) => {
  await party.once('join', () => party.agent.join(party.job.link, { info: bytes(party.job.name) }), 'GONE')
}

/** To join again what was perhaps joined before: one of both gets through, and the server refuses the other. */
const failedToJoin = (party, { code, reason }) => {
  if (code !== 'NOT_AVAILABLE' || !party.book.noted('repeated join')) party.book.problem(`failed ${code}: ${reason}`)
}

/** Has many connections: makes a link for each of `invites`, and follows those of `joins`. */
const chat = async (party) => {
  const { invites, joins = [], name } = party.job
  for (const key of invites) {
    party.tellLink(await party.once(`link ${key}`, async () => (await party.agent.createInvitation()).link), key)
  }
  for (const { key, link } of joins) {
    await party.once(`join ${key}`, () => party.agent.join(link, { info: bytes(name) }), 'GONE')
  }
}

const failedToChat = (party, { code, reason }) => {
  const isRepeated = party.job.joins?.some(({ key }) => party.book.noted(`repeated join ${key}`))
  if (code !== 'NOT_AVAILABLE' || !isRepeated) party.book.problem(`failed ${code}: ${reason}`)
}

export const roles = {
  inviter: { start: invite({}), on: { confirmation: allow } },
  shortInviter: { start: invite({ short: true }), on: { confirmation: allow } },
  joiner: { start: join, on: { failed: failedToJoin } },
  owner: { start: makeAddress, on: { request: accept } },
  shortOwner: { start: makeShortAddress, on: { request: accept } },
  chatter: { start: chat, on: { confirmation: allow, failed: failedToChat } },
  guest: { start: join, on: { confirmation: allow } },
}
