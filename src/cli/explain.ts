import type { Command } from 'commander'
import type { Explanation } from '../http/explanation.js'
import { type Colour, paintFor } from './colours.js'
import { addCommand } from './command.js'
import { plain } from './job-words.js'
import { refusal } from './refusal.js'
import { request } from './request.js'
import { list, listed, onOff, text } from './setting.js'
import { type Flags, readSettings } from './sources.js'
import { readTarget, target } from './target.js'

const options = {
  event: text('--event <id>', 'its id, or its cursor'),
  user: text(
    '--user <id>',
    'whose connections and rights to look at; on a hub started with --dev use a token to sign in',
  ),
  topics: list('--topics <names>', 'also look for the event in these topics'),
  roles: list('--roles <names>', 'roles that the user has, where no connection shows them'),
  json: onOff('--json', 'JSON, for programs'),
} as const

/** `tidings explain --event <id> --user <id>` (spec O5). */
export function addExplainCommand(program: Command): void {
  const { url, token } = target
  addCommand(program, {
    usage: 'explain',
    help: 'why a reader did or did not get an event; takes an admin token',
    settings: { url, token },
    options,
    examples: [
      ['tidings explain --event 019a6f3e-… --user 7', 'from the log, open connections, and the last that closed'],
      ['tidings explain --event 4vJk3.1207 --user 7 --topics report:9', 'by its cursor, in a topic of your own'],
    ],
    exits: 'of explain: 0 where the event was found, 1 where it is not kept',
  }).action(async ({ user: person, ...flags }: Flags) => {
    const given = person === undefined ? flags : { ...flags, user: person }
    const { event, user, topics, roles } = readSettings(options, given, {})
    if (event === undefined) throw refusal('--event', 'Give --event <id>.')
    if (user === undefined) throw refusal('--user', 'Give --user <id>: whose reader it is about.')
    // TIDINGS_USER signs in elsewhere; here it would contradict the token.
    const hub = readTarget(flags, { ...process.env, TIDINGS_USER: undefined })
    const several = (name: string, value: string | undefined) =>
      (listed(value) ?? []).map((one) => [name, one] as const)
    const query = [
      ['event', event] as const,
      ['user', user] as const,
      ...several('topic', topics),
      ...several('role', roles),
    ]
    const answer = await request(hub, 'GET', '/explanation', { query })
    const explanation = JSON.parse(answer) as Explanation
    process.stdout.write('json' in flags ? `${answer}\n` : wordsOf(explanation))
    if (!explanation.event) process.exitCode = 1
  })
}

const colours: Readonly<Record<string, Colour>> = { sent: 'green', waiting: 'yellow', forbidden: 'red', filter: 'red' }

function wordsOf({ event, searched, rights, readers, reasons, unknown }: Explanation): string {
  const paint = paintFor(process.stdout)
  const lines: string[] = []
  if (event) {
    const { id, type, topics, cursor, timestamp, priority } = event as unknown as Readonly<Record<string, string>>
    lines.push(`event      ${id}  ${type}  ${priority}  ${new Date(Number(timestamp)).toISOString()}  at ${cursor}`)
    lines.push(`topics     ${([] as string[]).concat(topics ?? []).join(', ')}`)
    for (const { topic, mayRead } of rights) lines.push(`rights     ${mayRead ? 'may read' : 'may not read'} ${topic}`)
  } else {
    lines.push('event      not found')
    lines.push(`looked in  ${searched.topics.join(', ')} (${searched.events} events)`)
  }
  for (const { id, state, verdict, words } of readers) lines.push(`reader     ${id}  ${state}  ${verdict}: ${words}`)
  const marked = reasons.map(({ code, words }) => [code, `so         ${words} [${code}]`] as const)
  return [
    ...lines.map(plain),
    ...marked.map(([code, line]) => paint(colours[code] ?? 'bold', plain(line))),
    ...unknown.map((words) => paint('dim', plain(`unknown    ${words}`))),
    '',
  ].join('\n')
}
