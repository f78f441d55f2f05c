// The command `test-push`: one push to one device, whose app cannot decrypt it, to see what the provider answers.
import path from 'node:path'
import { randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { DeviceTokenError, type Push, type PushProvider } from '@smpkit/push-providers'
import { checkMessagesData } from '@smpkit/push-providers/payload'
import { type ExitCode, exitCodes, type Running, usageError } from 'example-chat'
import { loadConfig } from './data-folder.js'
import { createProviders } from './providers.js'

const codes = { accepted: exitCodes.ok, retry: exitCodes.network, gone: exitCodes.refused, refused: exitCodes.refused }

export async function testPushCommand(
  [name = '', token = '']: readonly string[],
  { data }: { readonly data: string },
  { log, signal }: Running,
): Promise<ExitCode> {
  const config = loadConfig(path.resolve(data), log)
  const providers = createProviders(config)
  try {
    const provider = providers.find((one) => one.name === name)
    if (!provider) {
      const names = providers.map((one) => one.name).join(', ')
      throw usageError(`expected an enabled provider, which are: ${names === '' ? 'none' : names}`)
    }
    const outcome = await provider.send(pushTo(provider, token), { signal })
    signal.throwIfAborted()
    process.stdout.write(`${outcome.outcome}${'reason' in outcome ? `: ${outcome.reason}` : ''}\n`)
    return codes[outcome.outcome]
  } finally {
    for (const provider of providers) await provider.close()
  }
}

function pushTo(provider: PushProvider, token: string): Push {
  return {
    id: toBase64url(randomBytes(12)),
    kind: 'check',
    token: readToken(provider, token),
    registeredAt: Date.now(),
    notificationData: checkMessagesData,
  }
}

function readToken(provider: PushProvider, text: string): string {
  try {
    return provider.readToken(jsonOr(text))
  } catch (error) {
    if (error instanceof DeviceTokenError) throw usageError(`the token: ${error.message}`)
    throw error
  }
}

/** An object of JSON, or the text itself. */
function jsonOr(text: string): unknown {
  if (!text.startsWith('{')) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
