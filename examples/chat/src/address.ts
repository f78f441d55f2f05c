// The program's contact address, made when it runs first with its database.
import type { SmpAgent } from '@smpkit/smp-agent'
import { RequestError } from '@smpkit/smp-agent'
import type { Archive } from './records.js'

export interface Address {
  readonly connection: string
  readonly link: string
  /** `null` where the server has no short links. */
  readonly shortLink: string | null
}

/** Ours, or a new one. @throws SmpError if the server cannot be reached, or makes no queues for us */
export async function openAddress(
  agent: SmpAgent,
  archive: Archive,
  { signal }: { readonly signal: AbortSignal },
): Promise<Address> {
  const addresses = archive.records<Address>('address')
  const known = await addresses.get('')
  if (known?.shortLink) return known
  const made = known ?? (await agent.createAddress({ signal }))
  const address = { ...made, shortLink: await shortLinkOf(agent, made.connection, signal) }
  await addresses.put('', 0, address)
  return address
}

/** The full link does all that is needed: no reason to end. */
async function shortLinkOf(agent: SmpAgent, connection: string, signal: AbortSignal): Promise<string | null> {
  try {
    return await agent.setShortLink(connection, new Uint8Array(0), { signal })
  } catch (error) {
    if (signal.aborted || (error instanceof RequestError && error.code === 'CLOSED')) throw error
    return null
  }
}
