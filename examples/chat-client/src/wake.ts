// Spec 23 §8: what a phone does: it sleeps without a connection to an SMP server, and a push wakes it.
import { wakeUp } from '@smpkit/notification-client'
import {
  type AgentProgramOptions,
  type ExitCode,
  eachEvent,
  openDatabase,
  type Running,
  usageError,
  withAgent,
} from 'example-chat'
import { Chat } from './chat.js'
import { onEvent } from './events.js'
import { clientState, type NotificationSettings, settingsOf } from './notification-settings.js'
import { openPushes } from './pushes.js'
import type { Screen } from './screen.js'
import type { Style } from './words.js'

/** In milliseconds: less than the time after which a push that was not answered comes again. */
const wakeTime = 10_000
/** In milliseconds, before it sleeps again although the notification server has not answered. */
const lookTime = 30_000

export interface Sleeper {
  readonly options: AgentProgramOptions
  readonly running: Running
  readonly print: (text: string) => void
  readonly style: Style
}

type OnPush = (notificationData: unknown) => Promise<void>

/** Until the user ends it. @throws ProgramError where notifications are off */
export async function sleepAndWake(sleeper: Sleeper): Promise<ExitCode> {
  const settings = await readSettings(sleeper)
  let onPush: OnPush | undefined
  const pushes = await openPushes(settings, async (notificationData) => {
    // Between two phases: it comes again.
    if (!onPush) throw new Error('expected to be ready for pushes')
    await onPush(notificationData)
  }).catch((cause: Error) => {
    throw usageError(`pushes cannot come: ${cause.message}`, cause)
  })
  try {
    for (;;) {
      for (const phase of [look, sleep]) {
        await phase(sleeper, settings, (receive) => {
          onPush = receive
        })
        onPush = undefined
        sleeper.running.signal.throwIfAborted()
      }
    }
  } finally {
    await pushes.close()
  }
}

async function readSettings({ options, running }: Sleeper): Promise<NotificationSettings> {
  await using database = await openDatabase(options.db, { ...options, signal: running.signal })
  const settings = await settingsOf(database.archive).get('')
  if (settings) return settings
  throw usageError('notifications are off: start chat-client without wake, and type /notifications on …')
}

type Phase = (sleeper: Sleeper, settings: NotificationSettings, receiveBy: (onPush: OnPush) => void) => Promise<void>

/** Awake as ever: fetches what there is, and compares with the notification server. */
const look: Phase = (sleeper, settings, receiveBy) =>
  withChat(sleeper, { subscribe: true }, async (chat, signal) => {
    const client = await chat.notifications.start(settings, 0)
    receiveBy(async (notificationData) => void (await client.received(notificationData)))
    const enough = AbortSignal.any([signal, AbortSignal.timeout(lookTime)])
    try {
      for await (const { phase, problem } of client.changes({ signal: enough })) {
        if (phase === 'ready' || (problem && !problem.temporary)) return
      }
    } catch (error) {
      if (!enough.aborted) throw error
    }
  })

/** Until a push tells of more than messages. */
const sleep: Phase = (sleeper, _settings, receiveBy) =>
  withChat(sleeper, { subscribe: false }, async (chat, signal) => {
    const { agent, archive } = chat
    const fetch = async (notificationData: unknown) => {
      const state = clientState(archive)
      const woken = await wakeUp({ agent, state, notificationData, timeBudget: wakeTime, signal })
      return { ...woken, count: woken.results.reduce((sum, { messages }) => sum + messages, 0) }
    }
    const enough = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve())
      if (signal.aborted) resolve()
      receiveBy(async (notificationData) => {
        const { kind, count, needsClient } = await fetch(notificationData)
        chat.note(`woken by a push (${kind}): fetched ${count === 1 ? '1 message' : `${count} messages`}`)
        if (needsClient) resolve()
      })
    })
    // What came at the very end of the look may not have been taken: no push tells of it.
    await fetch({ checkMessages: true })
    chat.note('asleep, without a connection to any SMP server, until a push comes')
    await enough
  })

/** Reads events while `run` runs. */
async function withChat(
  { options, running, print, style }: Sleeper,
  { subscribe }: { readonly subscribe: boolean },
  run: (chat: Chat, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await withAgent({ ...options, subscribe }, running, async (program) => {
    const screen: Screen = { columns: undefined, print, prompt() {}, async *lines() {}, close() {} }
    const ask = () => Promise.reject(usageError('--name: expected the name that others see'))
    const chat = await Chat.open(program, { screen, style, name: null, ask })
    const ending = new AbortController()
    const signal = AbortSignal.any([running.signal, ending.signal])
    const events = eachEvent(program, { ...running, signal }, async (event) => {
      // What the notification server says stays for the next look.
      const isOurs = subscribe || event.type === 'request' || chat.contacts.get(event.connection)
      if (isOurs) await onEvent(chat, event)
      return undefined
    }).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
    try {
      await Promise.race([run(chat, signal), events])
    } finally {
      ending.abort()
      await chat.notifications.close()
      await events
    }
  })
}
