import type { Command } from 'commander'
import { SignJWT } from 'jose'
import { hmacKey } from '../../auth/hmac-key.js'
import { bar, progressLine } from '../bar.js'
import { paintFor } from '../colours.js'
import { addCommand } from '../command.js'
import { plain } from '../job-words.js'
import { refusal } from '../refusal.js'
import { onOff, text, whole } from '../setting.js'
import { isLoopback } from '../loopback.js'
import { signInSettings } from '../sign-in.js'
import { type Flags, readSettings } from '../sources.js'
import { readTarget, target, type Target } from '../target.js'
import { type LoadReport, load } from './load.js'
import type { Quantiles } from './times.js'

const { url: _url, ...who } = target
const settings = { ...who, jwtSecret: signInSettings.jwtSecret } as const

const options = {
  streams: whole('--streams <number>', 'readers', { fallback: 100, most: 20_000 }),
  topics: whole('--topics <number>', 'topics that they are spread over', { fallback: 1, most: 10_000 }),
  rate: whole('--rate <number>', 'publishes a second', { fallback: 10, most: 5_000 }),
  duration: whole('--duration <seconds>', 'how long', { fallback: 10, most: 600 }),
  bytes: whole('--bytes <bytes>', 'of data in each event', { fallback: 200, most: 60_000 }),
  prefix: text('--prefix <topic>', 'the topics of the load begin so', { fallback: 'bench' }),
  remote: onOff('--remote', 'load a hub on another machine: only one that is yours to load'),
  json: onOff('--json', 'JSON, for programs'),
} as const

/** Readers that are one person: the hub's limits are 100 connections a person and 6 a session. */
const readersPerPerson = 50

/** `tidings bench <url>` (spec O5). */
export function addBenchCommand(program: Command): void {
  addCommand(program, {
    usage: 'bench <url>',
    help: 'load a hub with readers and publishes, and report times and losses',
    settings,
    options,
    examples: [
      ['tidings bench http://127.0.0.1:4000 --streams 50', 'on a hub started with the same TIDINGS_JWT_SECRET'],
      [
        'tidings bench http://127.0.0.1:4000 --streams 900 --topics 90 --rate 500 --duration 30',
        'within the usual limits of one address',
      ],
    ],
    exits: 'of bench: 0 where every stream opened and every event came once, else 1',
  }).action(async (url: string, flags: Flags) => {
    const asked = readSettings(options, flags, {})
    const { jwtSecret } = readSettings({ jwtSecret: settings.jwtSecret }, flags, process.env)
    const hub = readTarget({ ...flags, url }, process.env)
    if (!asked.remote && !isLoopback(new URL(hub.url).hostname.replace(/^\[|\]$/g, ''))) {
      throw refusal(
        '--remote',
        `${hub.url} is not on this machine. A load can take a service down: give --remote where it is yours to load.`,
      )
    }
    const withDefault = <Name extends 'streams' | 'topics' | 'rate' | 'duration' | 'bytes'>(name: Name): number =>
      asked[name] ?? (options[name].fallback as number)
    const prefix = asked.prefix ?? (options.prefix.fallback as string)
    const people = peopleOf(hub, prefix, jwtSecret)
    const progress = progressLine()
    const report = await load(await people(-1), {
      streams: withDefault('streams'),
      topics: Math.min(withDefault('topics'), withDefault('streams')),
      rate: withDefault('rate'),
      durationMs: withDefault('duration') * 1_000,
      bytes: withDefault('bytes'),
      prefix,
      readerOf: people,
      progress: (phase, share) => progress.show(`${phase.padEnd(10)}  ${bar(share)} ${Math.floor(share * 100)} %`),
    })
    progress.clear()
    process.stdout.write(asked.json ? `${JSON.stringify(report)}\n` : wordsOf(report))
    if (!isClean(report)) process.exitCode = 1
  })
}

/**
 * Who reads and who publishes. With the hub's secret every fifty readers are a person with a token of their own; else all
 * are whom the token or `--user` that was given stands for.
 */
function peopleOf(hub: Target, prefix: string, jwtSecret: string | undefined): (index: number) => Promise<Target> {
  if (jwtSecret === undefined || hub.headers.Authorization !== undefined) return async () => hub
  const key = hmacKey(jwtSecret, 'jwtSecret')
  const made = new Map<number, Promise<Target>>()
  const make = async (person: number): Promise<Target> => {
    const token = await new SignJWT({
      tidings: { subscribe: [`${prefix}:*`], publish: person < 0 ? [`${prefix}:*`] : [] },
    })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(person < 0 ? 'bench-publisher' : `bench-${person}`)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(key)
    return { url: hub.url, headers: { Authorization: `Bearer ${token}` }, query: [] }
  }
  return (index) => {
    const person = index < 0 ? -1 : Math.floor(index / readersPerPerson)
    const target = made.get(person) ?? make(person)
    made.set(person, target)
    return target
  }
}

const isClean = ({ streams, publishes, deliveries }: LoadReport): boolean =>
  streams.open === streams.asked &&
  streams.cut === 0 &&
  Object.keys(publishes.refused).length === 0 &&
  deliveries.lost === 0 &&
  deliveries.repeated === 0 &&
  deliveries.disordered === 0

function wordsOf(report: LoadReport): string {
  const { streams, connectMs, publishes, publishMs, latencyMs, deliveries, seconds } = report
  const paint = paintFor(process.stdout)
  const number = new Intl.NumberFormat('en-GB')
  const times = (of: Quantiles | null): string =>
    of ? `p50 ${of.p50} ms, p99 ${of.p99} ms, longest ${of.max} ms` : 'none'
  const wrong = (count: number, words: string): string =>
    count > 0 ? paint('red', `, ${number.format(count)} ${words}`) : ''
  const refusals = (of: Readonly<Record<string, number>>): string[] =>
    Object.entries(of).map(([why, count]) => paint('red', `           ${number.format(count)} refused: ${plain(why)}`))
  return [
    `streams    ${number.format(streams.open)} of ${number.format(streams.asked)} open${wrong(streams.cut, 'cut')}`,
    ...refusals(streams.refused),
    `connect    ${times(connectMs)}`,
    `publishes  ${number.format(publishes.sent)} in ${seconds} s (${number.format(publishes.perSecond)}/s), ${times(publishMs)}`,
    ...refusals(publishes.refused),
    `latency    ${times(latencyMs)}`,
    `delivered  ${number.format(deliveries.received)} of ${number.format(deliveries.expected)} (${number.format(deliveries.perSecond)}/s)${wrong(deliveries.lost, 'lost')}${wrong(deliveries.repeated, 'repeated')}${wrong(deliveries.disordered, 'out of order')}`,
    '',
  ].join('\n')
}
