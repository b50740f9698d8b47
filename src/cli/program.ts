import { once } from 'node:events'
import { createRequire } from 'node:module'
import { Command } from 'commander'
import { addBenchCommand } from './bench/command.js'
import { addCommand } from './command.js'
import { addDoctorCommand } from './doctor/command.js'
import { addExplainCommand } from './explain.js'
import { addJobCommands } from './job.js'
import { publish } from './publish.js'
import { configSetting, serveSettings } from './serve-settings.js'
import { onOff, oneOf, text, type ValuesOf } from './setting.js'
import { complain, note } from './say.js'
import { type Flags, readSettings } from './sources.js'
import { tail } from './tail.js'
import { readTarget, target } from './target.js'
import { addTokenCommand } from './token.js'

const publishing = {
  id: text('--id <id>', 'publishing it again with the same id stores nothing'),
  priority: oneOf('--priority <priority>', 'low, normal, high or critical', ['low', 'normal', 'high', 'critical']),
} as const

const tailing = {
  since: text('--since <position>', 'start, now, a cursor or @<Unix ms>', { fallback: 'now' }),
} as const

/** All commands (spec O5). */
export function makeProgram(): Command {
  const program = new Command('tidings')
    .description('Live progress and notifications to the right person, in order, once, over plain HTTP')
    .version(versionOf(), '-V, --version', 'print the version')
    .showHelpAfterError('(see --help)')
    .configureHelp({ showGlobalOptions: false })
    // Subcommands inherit it.
    .configureOutput({ outputError: (words) => complain(words.replace(/^error: /, '').trimEnd()) })

  addCommand(program, {
    usage: 'serve',
    help: 'run a hub of its own',
    settings: serveSettings,
    options: {
      printConfig: onOff('--print-config', 'print what is in force and from where, secrets hidden, and end'),
      json: onOff('--json', 'of --print-config: JSON, for programs'),
      config: configSetting,
    },
    examples: [
      ['tidings serve --dev', 'on this machine, for anybody as anybody'],
      ['TIDINGS_JWT_SECRET=… tidings serve --store redis://10.0.0.20:6379 --host 10.0.0.11', 'one of several nodes'],
      ['tidings serve --print-config', 'flag before variable before tidings.config before default'],
    ],
    exits: 'of serve: 0 after SIGTERM or SIGINT, 1 after a second one',
  }).action(
    // Loaded on demand: the other commands are done before a hub would be loaded.
    async (flags: Flags) => await (await import('./serve.js')).serve(flags, process.env),
  )

  addCommand(program, {
    usage: 'publish <topic> <type> <json>',
    help: 'publish one event; prints the answer of the hub as JSON',
    settings: target,
    options: publishing,
    examples: [[`tidings publish user:7 notification '{"title":"Hello"}'`, 'takes a grant to publish to the topic']],
  }).action(async (topic: string, type: string, data: string, flags: Flags) => {
    const { id, priority } = readSettings(publishing, flags, {})
    const answer = await publish(readTarget(flags, process.env), { topic, type, data, id, priority })
    process.stdout.write(`${answer}\n`)
  })

  addCommand(program, {
    usage: 'tail <topic...>',
    help: 'print events as they come, one JSON a line, over any number of connections',
    settings: target,
    options: tailing,
    examples: [
      [`tidings tail 'job:42' --since start`, 'all that is kept, then live'],
      [`tidings tail user:7 --type notification | jq .data`, 'only what a program needs'],
    ],
  })
    .option('--type <type>', 'only events of this type; may be repeated', (type: string, types: string[] = []) => [
      ...types,
      type,
    ])
    .action(async (topics: string[], { type, ...flags }: Record<string, string> & { type?: string[] }) => {
      const { since }: ValuesOf<typeof tailing> = readSettings(tailing, flags as Flags, {})
      await tail(readTarget(flags as Flags, process.env), {
        topics,
        types: type ?? [],
        since,
        print: async (line) => {
          if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
        },
        note,
      })
    })

  addJobCommands(program)
  addTokenCommand(program)
  addBenchCommand(program)
  addDoctorCommand(program)
  addExplainCommand(program)
  return program
}

const versionOf = (): string =>
  (createRequire(import.meta.url)('../../package.json') as { readonly version: string }).version
