import type { Command } from 'commander'
import { systemClock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { uuidv7Ids } from '../ids.js'
import { type Job, type JobAnswer, type JobPage, jobStatuses } from '../protocol/job.js'
import { paths } from '../protocol/names.js'
import { systemRandom } from '../random.js'
import { watchJob } from './job-watch.js'
import { jobPage, jobRow } from './job-words.js'
import { request } from './request.js'
import { onOff, oneOf, readSettings, type Settings, text, type ValuesOf, whole } from './setting.js'
import { readTarget, target, type Target } from './target.js'

type Flags = Readonly<Record<string, string | true>>
type Action = (hub: Target, given: readonly string[], flags: Flags) => Promise<void>

const output = { json: onOff('--json', 'JSON, one value a line, for programs') } as const

const creation = {
  owner: text('--owner <owner>', 'whose job it is: user:<id>'),
  id: text('--id <id>', 'creating it again with the same id changes nothing (default: made)'),
  total: whole('--total <number>', 'what 100 % is', { least: 0 }),
  counters: json('--counters <json>', 'counters to begin with'),
  meta: json('--meta <json>', 'any JSON that the job carries'),
  attempts: whole('--attempts <number>', 'how often it may be begun (default 1)'),
  parent: text('--parent <id>', 'the job in whose group it is'),
  leaseMs: whole('--lease-ms <ms>', 'without a sign of life for so long it has stalled (default 30000)'),
  startWithinMs: whole('--start-within-ms <ms>', 'expires when nobody starts it (default 86400000)'),
  ttlMs: whole('--ttl-ms <ms>', 'kept after its end (default 86400000)'),
} as const

const listing = {
  owner: text('--owner <owner>', 'user:<id> (default: you)'),
  status: oneOf('--status <status>', `only those that are ${jobStatuses.join(', ')}`, jobStatuses),
  limit: whole('--limit <number>', 'how many (default 100)', { most: 1_000 }),
  after: text('--after <next>', 'read on where another list ended'),
} as const

/**
 * `tidings job …` (spec O5). Exit codes: 0 done, and of `watch` and `run` completed; 1 failed, cancelled or refused.
 */
export function addJobCommands(
  program: Command,
  withSettings: (command: Command, settings: Settings) => Command,
): void {
  const jobs = program.command('job').description('make, run, watch and end jobs')
  const add = (usage: string, help: string, settings: Settings, action: Action): void => {
    const command = jobs.command(usage).description(help)
    for (const { flag, help: words } of Object.values({ ...settings, ...output })) command.option(flag, words)
    withSettings(command, target).action(async (...all: unknown[]) => {
      const given = all.slice(0, -2).flat() as string[]
      const flags = all.at(-2) as Flags
      await action(readTarget(flags, process.env), given, flags)
    })
  }

  add('create <kind>', 'make a job; prints its id', creation, async (hub, [kind = ''], flags) => {
    const { id = makeId(), ...given } = settingsOf(creation, flags)
    if (given.owner === undefined) throw missing('--owner', 'user:<id>')
    const answer = await request(hub, 'POST', paths.jobs, { body: { id, kind, ...given } })
    print(flags, answer, (JSON.parse(answer) as { job: Job }).job.id)
  })

  add('show <id>', 'print a job as it stands', {}, async (hub, [id = ''], flags) => {
    const answer = await request(hub, 'GET', paths.job(id))
    print(flags, answer, jobPage(JSON.parse(answer)))
  })

  add('list', 'print the jobs of a person, newest first', listing, async (hub, _, flags) => {
    const query = Object.entries(settingsOf(listing, flags)).map(([name, value]) => [name, String(value)] as const)
    const { jobs: found, next } = JSON.parse(await request(hub, 'GET', paths.jobs, { query })) as JobPage
    for (const job of found) print(flags, JSON.stringify(job), jobRow(job))
    if (next !== undefined) note(`there are more: --after ${next}`)
  })

  add(
    'watch <id>',
    'show a job until its end; exits with 0 when it completed, with 1 when it did not',
    {},
    async (hub, [id = ''], flags) => {
      const job = JSON.parse(await request(hub, 'GET', paths.job(id))) as Job
      const screen = {
        isTerminal: process.stdout.isTTY === true,
        columns: process.stdout.columns ?? 80,
        write: (words: string) => void process.stdout.write(words),
      }
      const ended = await watchJob(hub, job, { screen, json: flags.json === true, note })
      process.exitCode = ended.status === 'completed' ? 0 : 1
    },
  )

  add('cancel <id>', 'end a job; exits with 1 where it had ended', {}, async (hub, [id = ''], flags) => {
    const answer = await request(hub, 'POST', paths.jobAction(id, 'cancel'), { body: { id: makeId() } })
    const { accepted, job } = JSON.parse(answer) as JobAnswer
    print(flags, answer, accepted ? 'cancelled' : `it had ended before: ${job.status}`)
    if (!accepted) process.exitCode = 1
  })

  add(
    'retry <id>',
    'run an ended job again, as a new one; prints its id',
    { id: creation.id },
    async (hub, [id = ''], flags) => {
      const { id: newId = makeId() } = settingsOf({ id: creation.id }, flags)
      const answer = await request(hub, 'POST', paths.jobAction(id, 'retry'), { body: { id: newId } })
      print(flags, answer, (JSON.parse(answer) as { job: Job }).job.id)
    },
  )

  add(
    'run <id> <command...>',
    'run a program as the worker of a job: its exit code decides how the job ends',
    {},
    async (hub, [id = '', ...command], flags) => {
      const { job, code, ran } = await (await import('./job-run.js')).runCommand(hub, id, command, note)
      if (flags.json === true) print(flags, JSON.stringify(job), '')
      else note(`job ${job.id}: ${job.status}${ran ? '' : '; the program was not run'}`)
      process.exitCode = ran && job.status === 'completed' ? 0 : (code ?? 1) || 1
    },
  )
}

const makeId = uuidv7Ids(systemClock, systemRandom)

const settingsOf = <Table extends Settings>(table: Table, flags: Flags): ValuesOf<Table> =>
  readSettings(table, flags, {})

function print(flags: Flags, jsonText: string, words: string): void {
  process.stdout.write(`${flags.json === true ? jsonText : words}\n`)
}

const note = (line: string): void => void process.stderr.write(`tidings: ${line}\n`)

function json(flag: string, help: string) {
  return {
    flag,
    help,
    read(value: string): unknown {
      try {
        return JSON.parse(value)
      } catch {
        throw new Error('JSON')
      }
    },
  }
}

const missing = (flag: string, what: string): TidingsError =>
  new TidingsError('option_invalid', `Give ${flag} ${what}.`, { field: flag })
