import type { Command } from 'commander'
import { systemClock } from '../clock.js'
import { uuidv7Ids } from '../ids.js'
import { type Job, type JobAnswer, type JobPage, jobStatuses } from '../protocol/job.js'
import { defaults } from '../protocol/defaults.js'
import { paths } from '../protocol/names.js'
import { systemRandom } from '../random.js'
import { widthOf } from './bar.js'
import { addCommand, type CommandWords } from './command.js'
import { watchJob } from './job-watch.js'
import { jobPage, jobRow } from './job-words.js'
import { refusal } from './refusal.js'
import { request } from './request.js'
import { note } from './say.js'
import { onOff, oneOf, type Setting, type Settings, text, type ValuesOf, whole } from './setting.js'
import { type Flags, readSettings } from './sources.js'
import { readTarget, target, type Target } from './target.js'

type Action = (hub: Target, given: readonly string[], flags: Flags) => Promise<void>

const output = { json: onOff('--json', 'JSON, one value a line, for programs') } as const

const creation = {
  owner: text('--owner <owner>', 'whose job it is: user:<id>'),
  id: text('--id <id>', 'creating it again with the same id changes nothing (default: made)'),
  total: whole('--total <number>', 'what 100 % is', { least: 0 }),
  counters: json('--counters <json>', 'counters to begin with'),
  meta: json('--meta <json>', 'any JSON that the job carries'),
  attempts: whole('--attempts <number>', 'how often it may be begun', { fallback: 1 }),
  parent: text('--parent <id>', 'the job in whose group it is'),
  leaseMs: whole('--lease-ms <ms>', 'without a sign of life for so long it has stalled', {
    fallback: defaults.jobLeaseMs,
  }),
  startWithinMs: whole('--start-within-ms <ms>', 'expires when nobody starts it', {
    fallback: defaults.jobStartWithinMs,
  }),
  ttlMs: whole('--ttl-ms <ms>', 'kept after its end', { fallback: defaults.jobKeepMs }),
} as const

const listing = {
  owner: text('--owner <owner>', 'user:<id> (default: you)'),
  status: oneOf('--status <status>', `only those that are ${jobStatuses.join(', ')}`, jobStatuses),
  limit: whole('--limit <number>', 'how many', { fallback: 100, most: 1_000 }),
  after: text('--after <next>', 'read on where another list ended'),
} as const

/** `tidings job …` (spec O5). */
export function addJobCommands(program: Command): void {
  const jobs = program.command('job').description('make, run, watch and end jobs')
  const add = (told: Omit<CommandWords, 'settings'>, action: Action): void => {
    addCommand(jobs, { ...told, options: { ...told.options, ...output }, settings: target }).action(
      async (...all: unknown[]) => {
        const given = all.slice(0, -2).flat() as string[]
        const flags = all.at(-2) as Flags
        await action(readTarget(flags, process.env), given, flags)
      },
    )
  }

  add(
    {
      usage: 'create <kind>',
      help: 'make a job; prints its id',
      options: creation,
      examples: [['tidings job create crawl --owner user:7 --total 100', 'queued, until a worker begins']],
    },
    async (hub, [kind = ''], flags) => {
      const { id = makeId(), ...given } = settingsOf(creation, flags)
      if (given.owner === undefined) throw refusal('--owner', 'Give --owner user:<id>.')
      const answer = await request(hub, 'POST', paths.jobs, { body: { id, kind, ...given } })
      print(flags, answer, (JSON.parse(answer) as { job: Job }).job.id)
    },
  )

  add(
    { usage: 'show <id>', help: 'print a job as it stands', examples: [['tidings job show c1 --json', 'all of it']] },
    async (hub, [id = ''], flags) => {
      const answer = await request(hub, 'GET', paths.job(id))
      print(flags, answer, jobPage(JSON.parse(answer)))
    },
  )

  add(
    {
      usage: 'list',
      help: 'print the jobs of a person, newest first',
      options: listing,
      examples: [['tidings job list --owner user:7 --status running', 'what works for user 7 right now']],
    },
    async (hub, _, flags) => {
      const query = Object.entries(settingsOf(listing, flags)).map(([name, value]) => [name, String(value)] as const)
      const { jobs: found, next } = JSON.parse(await request(hub, 'GET', paths.jobs, { query })) as JobPage
      for (const job of found) print(flags, JSON.stringify(job), jobRow(job))
      if (next !== undefined) note(`there are more: --after ${next}`)
    },
  )

  add(
    {
      usage: 'watch <id>',
      help: 'show a job until its end, as a bar that moves where it is a terminal',
      examples: [['tidings job watch c1', 'ends with the job']],
      exits: 'of watch: 0 when the job completed, 1 when it failed, was cancelled or cannot be seen',
    },
    async (hub, [id = ''], flags) => {
      const job = JSON.parse(await request(hub, 'GET', paths.job(id))) as Job
      const screen = {
        isTerminal: process.stdout.isTTY === true,
        columns: widthOf(process.stdout),
        write: (words: string) => void process.stdout.write(words),
      }
      const ended = await watchJob(hub, job, { screen, json: flags.json === true, note })
      process.exitCode = ended.status === 'completed' ? 0 : 1
    },
  )

  add(
    {
      usage: 'cancel <id>',
      help: 'end a job',
      examples: [['tidings job cancel c1', 'its worker is told']],
      exits: 'of cancel: 1 where it had ended before',
    },
    async (hub, [id = ''], flags) => {
      const answer = await request(hub, 'POST', paths.jobAction(id, 'cancel'), { body: { id: makeId() } })
      const { accepted, job } = JSON.parse(answer) as JobAnswer
      print(flags, answer, accepted ? 'cancelled' : `it had ended before: ${job.status}`)
      if (!accepted) process.exitCode = 1
    },
  )

  add(
    {
      usage: 'retry <id>',
      help: 'run an ended job again, as a new one; prints its id',
      options: { id: creation.id },
      examples: [['tidings job retry c1', 'the old one stays as it is']],
    },
    async (hub, [id = ''], flags) => {
      const { id: newId = makeId() } = settingsOf({ id: creation.id }, flags)
      const answer = await request(hub, 'POST', paths.jobAction(id, 'retry'), { body: { id: newId } })
      print(flags, answer, (JSON.parse(answer) as { job: Job }).job.id)
    },
  )

  add(
    {
      usage: 'run <id> <command...>',
      help: 'run a program as the worker of a job: its exit code decides how the job ends',
      examples: [['tidings job run c1 -- node crawl.js', 'the lease is renewed while it runs']],
      exits: 'of run: that of the program; 1 where it was not run, or a signal ended it',
    },
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

function json(flag: string, help: string): Setting<unknown> {
  return {
    flag,
    help,
    written: (value) => JSON.stringify(value),
    read(value: string): unknown {
      try {
        return JSON.parse(value)
      } catch {
        throw new Error('JSON')
      }
    },
  }
}
