#!/usr/bin/env node
// The notification server as a program: its commands, and what each takes.
import { Command, InvalidArgumentError, Option } from 'commander'
import { type ExitCode, exitCodes, type Running, runProgram, usageError } from 'example-chat'
import { addressCommand, backupCommand, outboxCommand, statusCommand, tokensCommand } from './admin-commands.js'
import { variableRule } from './config-template.js'
import { dataVariable } from './data-folder.js'
import { initCommand } from './init.js'
import { migrateCommand, rekeyCommand } from './maintenance-commands.js'
import { algorithms, ntfCertCommand } from './ntf-cert.js'
import { startCommand } from './start.js'
import { suggestion } from './suggestion.js'
import { testPushCommand } from './test-push.js'
import { version } from './version.js'

export interface GlobalOptions {
  readonly data: string
}

type Run = (running: Running) => Promise<ExitCode>

let chosen: { readonly run: Run; readonly onSignal: ExitCode } | undefined

/** `main` with the arguments, the options of command and program, and what is running. */
const runs =
  (
    main: (args: readonly string[], options: never, running: Running) => Promise<ExitCode>,
    onSignal: ExitCode = exitCodes.interrupted,
  ) =>
  (...all: unknown[]) => {
    const command = all.at(-1) as Command
    const args = all.slice(0, -2) as string[]
    chosen = { run: (running) => main(args, command.optsWithGlobals() as never, running), onSignal }
  }

const collect = (text: string, former: readonly string[] = []) => [...former, text]

function count(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a number from 1 to 999999')
}

const program = new Command('smpkit-ntf')
  .description('A notification server for the SimpleX network: wakes the devices of people whose messages wait.')
  .version(version)
  // Before the commands, which take it over.
  .exitOverride()
  .configureOutput({ outputError: () => {} })
  .configureHelp({ showGlobalOptions: true })
  .addOption(new Option('--data <folder>', 'config, databases and keys').env(dataVariable).default('smpkit-ntf'))
  .addHelpText(
    'after',
    `
Every key of the config can be overridden in the environment: ${variableRule}.

Exit codes: 0 done, 1 wrong options or config, 3 a server or provider cannot be reached, 4 the database cannot be used,
5 refused, 70 a mistake of ours, 130 interrupted.

Example: smpkit-ntf init --server smp://<fingerprint>@smp.example.org --provider webpush --set providers.webpush.subject=mailto:me@example.org
         smpkit-ntf start`,
  )
  .allowExcessArguments()
  .action(() => {
    const [name] = program.args
    if (name === undefined) throw usageError('expected a command')
    const meant = suggestion(name, commandNames())
    throw usageError(`there is no such command${meant === undefined ? '' : `; did you mean ${meant}?`}`)
  })

function algorithmOption(flags: string): Option {
  return new Option(flags, 'the keys of its certificates').choices(algorithms).default('ed25519')
}

const commandNames = () => program.commands.map((command) => command.name())

program
  .command('init')
  .description('make the data folder: config, keys and databases. Asks for what is not given, if it runs at a terminal')
  .option('--name <name>', 'what clients see')
  .option('--server <address>', 'SMP server to be reached on over s.*, smp://…@host; may be repeated', collect)
  .option(
    '--ntf <host[:port]>',
    'serve SimpleX apps as well, or alone: the name of this server in its address ntf://…, and its port, by default 443',
  )
  .addOption(algorithmOption('--ntf-algorithm <name>'))
  .option('--database <url>', 'postgresql://…, in place of SQLite')
  .option('--provider <name>', 'enable it: webpush, webhook, console, fcm, apns.prod, …; may be repeated', collect)
  .option(
    '--set <key=value>',
    'any key of the config, such as providers.apns.topic=org.example.app; may be repeated',
    collect,
  )
  .option('--yes', 'ask nothing')
  .action(runs(initCommand))

program
  .command('start')
  .description('serve until Ctrl-C or SIGTERM')
  .option('--restored', 'to be said once when an older copy of the databases was put back by other means than backup')
  .action(runs(startCommand, exitCodes.ok))

program
  .command('address')
  .description('print the contact address of the server: short link and link, at a terminal with a QR code')
  .option('--json', 'as JSON')
  .action(runs(addressCommand))

program
  .command('status')
  .description('how many tokens and subscriptions, which SMP servers are down, what the providers answered')
  .option('--json', 'as JSON')
  .action(runs(statusCommand))

program
  .command('tokens')
  .description('list the tokens, without what lets anybody push to a device')
  .option('--json', 'as JSON')
  .option('--after <id>', 'those after this one')
  .option('--limit <number>', 'at most so many', count, 100)
  .action(runs(tokensCommand))

program
  .command('outbox')
  .description('pushes that are owed, and pushes that were given up with the reasons')
  .option('--json', 'as JSON')
  .option('--limit <number>', 'at most so many of each', count, 20)
  .action(runs(outboxCommand))

program
  .command('test-push')
  .description('push once to a device, to see whether the account of the provider works; needs no database')
  .argument('<provider>', 'such as webpush or apns_prod')
  .argument('<token>', 'what the app got from the provider; of webpush and webhook, the JSON of it')
  .action(runs(testPushCommand))

program
  .command('migrate')
  .description('bring the databases to this version, which start does as well')
  .action(runs(migrateCommand))

program
  .command('backup')
  .description('copy databases and config into a new folder, also while the server runs')
  .argument('<folder>', 'a name of nothing yet')
  .action(runs(backupCommand))

program
  .command('rekey')
  .description('encrypt the databases with a new key, which takes the place of the key file')
  .action(runs(rekeyCommand))

program
  .command('ntf-cert')
  .description('make the identity for the NTF protocol, or renew its online certificate: the address stays')
  .option('--ca-key <file>', 'the key of the identity, if it is not in the data folder')
  .addOption(algorithmOption('--algorithm <name>'))
  .action(runs(ntfCertCommand))

await runProgram<GlobalOptions, []>({
  command: program,
  onSignal: () => chosen?.onSignal ?? exitCodes.interrupted,
  main: async (_, running) => {
    if (!chosen) throw usageError('expected a command')
    return chosen.run(running)
  },
})
