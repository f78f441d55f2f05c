// What can be typed after /notifications.
import { parseArgs } from 'node:util'
import type { Chat } from './chat.js'
import type { NotificationWish } from './notification-settings.js'
import { statusText } from './notifications.js'
import { wayOf } from './pushes.js'
import { Refusal } from './refusal.js'

const usage =
  '/notifications on ADDRESS --provider webhook|webpush --listen HOST:PORT [--url https://NAME:PORT] [--cert FILE --key FILE], /notifications on ADDRESS --provider apns_test|apns_dev|apns_prod [--token HEX] [--push-log FILE], /notifications off, or /notifications'

export async function onNotifications(chat: Chat, argument: string): Promise<void> {
  const [word = '', ...rest] = argument.split(/\s+/).filter((part) => part !== '')
  if (word === '') show(chat)
  else if (word === 'on') await turnOn(chat, rest)
  else if (word === 'off' && rest.length === 0) {
    await chat.notifications.off()
    chat.note('notifications are off')
  } else throw new Refusal(`expected ${usage}`)
}

function show(chat: Chat): void {
  const { client, settings } = chat.notifications
  chat.note(client ? statusText(client.status) : 'notifications are off')
  if (settings) chat.note(wayOf(settings))
}

async function turnOn(chat: Chat, words: readonly string[]): Promise<void> {
  const settings = await chat.notifications.on(readWish(words))
  chat.note(`${wayOf(settings)}. To sleep until one comes: /quit, then chat-client wake`)
  if ('device' in settings) return
  const { identity } = settings
  if (!('ca' in identity) || identity.ca === null) return
  chat.note('its certificate was made here; the notification server needs this as ca_file of the provider:')
  chat.print(identity.ca)
  chat.note('and, where the name has no public address, that address in the list allow of the provider')
}

/** @throws Refusal */
export function readWish(words: readonly string[]): NotificationWish {
  const text = { type: 'string' } as const
  const ofApple = { token: text, 'push-log': text }
  const options = { provider: text, listen: text, url: text, cert: text, key: text, ...ofApple }
  const { positionals, values } = parsed(() => parseArgs({ args: [...words], options, allowPositionals: true }))
  const [address, ...others] = positionals
  const { provider = '', url, cert, key, token, 'push-log': log } = values
  if (address === undefined || others.length > 0) throw new Refusal(`expected ${usage}`)
  if (isApple(provider)) {
    const isOther = [values.listen, url, cert, key].some((value) => value !== undefined)
    if (isOther) throw new Refusal(`--provider ${provider}: expected --token and --push-log alone`)
    return { address, provider, token, log }
  }
  if (address.startsWith('ntf://')) {
    throw new Refusal(
      'a server of ntf:// pushes to devices of Apple alone: expected --provider apns_test, apns_dev or apns_prod',
    )
  }
  if (token !== undefined || log !== undefined) throw new Refusal('--token and --push-log belong to --provider apns_…')
  const [, host, digits] = /^\[?([^[\]]+?)\]?:(\d{1,5})$/.exec(values.listen ?? '') ?? []
  const port = Number(digits)
  if (provider !== 'webhook' && provider !== 'webpush')
    throw new Refusal('--provider: expected webhook, webpush or apns_…')
  if (host === undefined || port > 65_535) throw new Refusal('--listen: expected HOST:PORT')
  if ((cert === undefined) !== (key === undefined)) throw new Refusal('--cert and --key belong together')
  return { address, provider, host, port, url: url === undefined ? undefined : originOf(url), cert, key }
}

const isApple = (provider: string): provider is `apns_${string}` => /^apns_(?:test|dev|prod)$/.test(provider)

function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch {
    // Its message is written for programs.
    throw new Refusal(`expected ${usage}`)
  }
}

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' && url.href === `${url.origin}/`) return url.origin
  throw new Refusal('--url: expected https://NAME:PORT')
}
