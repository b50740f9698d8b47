import { once } from 'node:events'
import { Command } from 'commander'
import { TidingsError } from '../errors.js'
import { addJobCommands } from './job.js'
import { publish } from './publish.js'
import { serveSettings } from './serve-settings.js'
import { type Settings, variableName } from './setting.js'
import { tail } from './tail.js'
import { readTarget, target } from './target.js'

type Flags = Readonly<Record<string, string | true>>

const program = new Command('tidings')
  .description('Live progress and notifications to the right person, in order, once, over plain HTTP')
  .showHelpAfterError('(see --help)')

withSettings(program.command('serve').description('run a hub of its own'), serveSettings).action(
  // Loaded on demand: the other commands are done before a hub would be loaded.
  async (flags: Flags) => await (await import('./serve.js')).serve(flags, process.env),
)

withSettings(program.command('publish <topic> <type> <json>').description('publish one event'), target)
  .option('--id <id>', 'publishing it again with the same id stores nothing')
  .option('--priority <priority>', 'low, normal, high or critical')
  .action(async (topic: string, type: string, data: string, { id, priority, ...flags }: Record<string, string>) => {
    const answer = await publish(readTarget(flags, process.env), { topic, type, data, id, priority })
    process.stdout.write(`${answer}\n`)
  })

withSettings(program.command('tail <topic...>').description('print events as they come, one JSON a line'), target)
  .option('--since <position>', 'start, now, a cursor or @<Unix ms> (default now)')
  .option('--type <type>', 'only events of this type; may be repeated', (type: string, types: string[] = []) => [
    ...types,
    type,
  ])
  .action(async (topics: string[], { since, type, ...flags }: Record<string, string> & { type?: string[] }) => {
    process.stdout.on('error', endWithReader)
    await tail(readTarget(flags as Flags, process.env), {
      topics,
      types: type ?? [],
      since,
      print: async (line) => {
        if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
      },
      note: (line) => process.stderr.write(`tidings: ${line}\n`),
    })
  })

addJobCommands(program, withSettings)

function withSettings(command: Command, settings: Settings): Command {
  for (const setting of Object.values(settings)) {
    command.option(setting.flag, `${setting.help} [${variableName(setting)}]`)
  }
  return command
}

/** `tidings tail … | head` ends with its reader, without a word. */
function endWithReader(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof TidingsError ? error.toString() : `tidings: ${messageOf(error)}`}\n`)
  process.exitCode = 1
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
