#!/usr/bin/env node
// A small chat for the terminal.
import { startSmpServer } from '@smpkit/smp-server'
import { Argument, Command } from 'commander'
import {
  type AgentProgram,
  addCommonOptions,
  addLocalOption,
  type CommonOptions,
  type ExitCode,
  eachEvent,
  exitCodes,
  type Running,
  readName,
  runProgram,
  usageError,
  withAgent,
  withLocalServer,
} from 'example-chat'
import { Chat } from './chat.js'
import { commandNames, onLine } from './commands.js'
import { onEvent } from './events.js'
import { openScreen, type Screen } from './screen.js'
import { sleepAndWake } from './wake.js'
import { createStyle } from './words.js'

type Options = Omit<CommonOptions, 'name'> & { readonly name?: string; readonly local?: boolean }

const command = addLocalOption(addCommonOptions(new Command('chat-client'), { db: 'chat.db' }))
  .description(
    'A small chat: make an invitation or an address, join those of others, and write. /help lists what can be typed. With the same --db it goes on where it ended.',
  )
  .addArgument(
    new Argument(
      '[mode]',
      'wake: sleep without a connection to any SMP server until a push comes, fetch and show what is new, and sleep again; after /notifications on',
    )
      .choices(['chat', 'wake'])
      .default('chat'),
  )
  .addHelpText(
    'after',
    `
Exit codes: 0 ended by /quit, the end of the input or Ctrl-C, 1 wrong options, 4 the database cannot be used,
70 a mistake of ours.

Examples: chat-client --server smp://<fingerprint>@smp.example.org --name Alice --db alice.db
          chat-client wake --server smp://<fingerprint>@smp.example.org --db alice.db`,
  )

await runProgram<Options, ['chat' | 'wake']>({
  command,
  onSignal: exitCodes.ok,
  main: async (options, running, mode) => {
    if (mode === 'wake') return wake(options, running)
    let complete: (line: string) => [string[], string] = (line) => [[], line]
    const { stdin: input, stdout: output } = process
    const screen = openScreen({
      input,
      output,
      completer: (line: string) => complete(line),
      // As if the terminal had sent it.
      onInterrupt: () => void process.emit('SIGINT'),
    })
    const style = createStyle(screen.columns !== undefined && !process.env.NO_COLOR)
    const shown: Running = { ...running, log: (line) => screen.print(style.dim(`— ${line}`)) }
    try {
      return await withLocalServer(options, shown, startSmpServer, (ready) =>
        withAgent(ready, shown, async (program) => {
          const lines = screen.lines(running.signal)[Symbol.asyncIterator]()
          const ask = () => askName(screen, lines)
          const chat = await Chat.open(program, { screen, style, name: options.name ?? null, ask })
          complete = (line) => completions(chat, line)
          return converse(program, shown, chat, lines)
        }),
      )
    } finally {
      screen.close()
    }
  },
})

function wake(options: Options, running: Running): Promise<ExitCode> {
  const style = createStyle(process.stdout.isTTY && !process.env.NO_COLOR)
  const print = (text: string) => void process.stdout.write(`${text}\n`)
  return withLocalServer(options, running, startSmpServer, (ready) =>
    sleepAndWake({ options: ready, running, print, style }),
  )
}

async function askName(screen: Screen, lines: AsyncIterator<string>): Promise<string> {
  if (screen.columns === undefined) throw usageError('--name: expected the name that others see, the first time')
  screen.prompt('Your name, as others see it: ')
  const { value, done } = await lines.next()
  if (done) throw usageError('--name: expected the name that others see')
  return readName(value)
}

function completions(chat: Chat, line: string): [string[], string] {
  const [, before = '', begun = ''] = /^(.*?)(\S*)$/.exec(line) ?? []
  const names = chat.contacts.all().map(({ name }) => (before === '' ? `@${name} ` : name))
  const all =
    before === '' ? [...commandNames.map((name) => `${name} `), ...names] : before.startsWith('/') ? names : []
  return [all.filter((one) => one.toLowerCase().startsWith(begun.toLowerCase())), begun]
}

/** Until the user ends it. */
async function converse(
  program: AgentProgram,
  running: Running,
  chat: Chat,
  lines: AsyncIterator<string>,
): Promise<ExitCode> {
  greet(chat)
  await chat.notifications.resume()
  const events = eachEvent(program, running, async (event) => {
    await chat.inTurn(() => onEvent(chat, event))
    return undefined
  })
  try {
    await Promise.race([events, typed(chat, lines, running.signal)])
  } finally {
    await chat.notifications.close()
  }
  return exitCodes.ok
}

function greet(chat: Chat): void {
  const { contacts } = chat
  const connected = contacts.all().filter(({ state }) => state === 'connected')
  chat.print(`You are ${chat.style.bold(chat.name)}. /help lists what you can type.`)
  if (connected.length > 0) chat.print(`Contacts: ${connected.map(({ name }) => name).join(', ')}`)
  else chat.print('To begin: /invite makes an invitation for somebody, /join LINK uses that of somebody else.')
  for (const { no, name } of contacts.requests()) chat.note(`${name} asks to connect: /accept ${no} or /reject ${no}`)
  const [first] = connected
  chat.choose(connected.length === 1 ? first?.connection : undefined)
}

async function typed(chat: Chat, lines: AsyncIterator<string>, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { value, done } = await lines.next()
    if (done || (await onLine(chat, value, signal)) === 'quit') break
  }
  if (chat.sending.size > 0)
    chat.note(`${chat.sending.size} messages are not at the server yet: they go out when you are here again`)
}
