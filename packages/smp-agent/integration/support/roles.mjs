// How the parties come to be connected. What the result of was not heard is asked for again, as a person would.
import { bytes } from './text.mjs'

const allow = async (party, { connection }) => {
  await party.again(() => party.agent.allow(connection, bytes(party.job.name)))
}

/** To join again what was perhaps joined before: one of both gets through, and the server refuses the other. */
const failedToJoin = (party, { code, reason }) => {
  if (code !== 'NOT_AVAILABLE' || !party.book.noted('repeated join')) party.book.problem(`failed ${code}: ${reason}`)
}

const join = async (party) => {
  await party.once('join', () => party.agent.join(party.job.link, { info: bytes(party.job.name) }))
}

export const roles = {
  inviter: {
    start: async (party) =>
      party.tellLink(await party.once('link', async () => (await party.agent.createInvitation()).link)),
    on: { confirmation: allow },
  },
  joiner: { start: join, on: { failed: failedToJoin } },
  owner: {
    start: async (party) =>
      party.tellLink(await party.once('link', async () => (await party.agent.createAddress()).link)),
    on: {
      request: async (party, { requestId }) => {
        await party.again(() => party.agent.accept(requestId, { info: bytes(party.job.name) }))
      },
    },
  },
  guest: { start: join, on: { confirmation: allow } },
}
