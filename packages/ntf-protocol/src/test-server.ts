// Spec 23 §11: whether a server works.
import { PrivateKey } from '@smpkit/crypto'
import { systemClock, within } from '@smpkit/encoding/internal'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { parseNtfAddress } from './address.js'
import { NtfClientError, type NtfError } from './errors.js'
import { type NtfOpenOptions, openNtfSession } from './open-session.js'
import type { NtfSessionClient } from './session-client.js'

export type NtfTestStep = 'connect' | 'createToken' | 'deleteToken' | 'disconnect'

const testToken = new TextEncoder().encode('test_ntf_token')

/**
 * Registers a token to which nothing is pushed, with keys that are thrown away, and deletes it.
 * @returns the first step that failed and why; `undefined` where all is well. It rejects with nothing but an `AddressError`.
 */
export async function testNtfServer(
  address: ServerAddress | string,
  options: NtfOpenOptions = {},
): Promise<{ step: NtfTestStep; error: NtfError } | undefined> {
  const { clock = systemClock, requestTimeout = 30_000, signal } = options
  const server = typeof address === 'string' ? parseNtfAddress(address) : address
  let step: NtfTestStep = 'connect'
  let session: NtfSessionClient | undefined
  try {
    session = await openNtfSession(server, options)
    step = 'createToken'
    const key = PrivateKey.generate('ed25519')
    const dhKey = PrivateKey.generate('x25519').publicKey
    const { tokenId } = await session.request(
      { command: { tag: 'TNEW', provider: 'AN', token: testToken, authKey: key.publicKey, dhKey }, key },
      { signal },
    )
    step = 'deleteToken'
    await session.request({ command: { tag: 'TDEL' }, entityId: tokenId, key }, { signal })
    step = 'disconnect'
    const late = () => new NtfClientError('TIMEOUT', `expected the connection to end within ${requestTimeout} ms`)
    await within(clock, requestTimeout, session.close(), late)
    return undefined
  } catch (error) {
    void session?.close()
    return { step, error: error as NtfError }
  }
}
