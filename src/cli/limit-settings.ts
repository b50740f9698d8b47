import { type GivenLimits, type GivenRate, limitedBy } from '../hub/limits/settings.js'
import type { HubOptions } from '../index.js'
import { defaults } from '../protocol/defaults.js'
import { type Setting, type ValuesOf, list, listed, present, text } from './setting.js'

type Limits<Value> = Readonly<Record<string, Value>> | null

/** Several limits in one text: `address=1000,session=none`; `none` for all of them. */
function limits<Value>(
  flag: string,
  help: string,
  usual: Readonly<Record<string, Value | null>>,
  read: (text: string) => Value | undefined,
  shape: string,
): Setting<Limits<Value | null>> {
  const names = Object.keys(usual)
  const among = names.map(dashed)
  return {
    flag,
    help,
    fallback: usual,
    // What is left out keeps its default.
    show: (given) => (given === null ? 'none' : table({ ...usual, ...given })),
    written: (value) =>
      value === null ? 'none' : isTable(value) ? table(value) : typeof value === 'string' ? value : undefined,
    read(value) {
      if (value === 'none') return null
      const entries = value.split(',').map((part) => {
        const [name = '', number = ''] = part.split('=').map((word) => word.trim())
        const found = number === 'none' || number === '0' ? null : read(number)
        if (!among.includes(name) || found === undefined)
          throw new Error(`none, or limits by commas such as ${shape}, of ${among.join(', ')}`)
        return [names[among.indexOf(name)] as string, found] as const
      })
      return Object.fromEntries(entries)
    },
  }
}

const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Several limits as one text; in a file they may be an object, as `createHub` takes them. */
const table = (values: Readonly<Record<string, unknown>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${dashed(name)}=${rateText(value)}`)
    .join(',')

function rateText(value: unknown): string {
  if (value === null) return 'none'
  if (!isTable(value)) return String(value)
  const { perSecond, burst } = value
  return burst === undefined ? String(perSecond) : `${String(perSecond)}/${String(burst)}`
}

const rates = (
  flag: string,
  what: string,
  usual: Readonly<Record<(typeof limitedBy)[number], GivenRate | null>>,
): Setting<Limits<GivenRate | null>> =>
  limits(flag, `most ${what} a second, and after a slash at once`, usual, readRate, 'user=50,session=10/100')

function readRate(value: string): GivenRate | undefined {
  const [, perSecond, burst] = /^(\d{1,7}(?:\.\d{1,3})?)(?:\/(\d{1,9}))?$/.exec(value) ?? []
  if (perSecond === undefined || Number(perSecond) === 0 || Number(perSecond) > 1e6 || burst === '0') return undefined
  return burst === undefined ? Number(perSecond) : { perSecond: Number(perSecond), burst: Number(burst) }
}

const readNumber = (value: string): number | undefined => (/^[1-9]\d{0,8}$/.test(value) ? Number(value) : undefined)

/** What one caller may take (A6), and how it is known from where a request comes. */
export const limitSettings = {
  trustedProxies: list('--trusted-proxies <networks>', 'of proxies whose header tells the address of a client'),
  addressHeader: text('--address-header <name>', 'in which they tell it', { fallback: 'X-Forwarded-For' }),
  maxConnections: limits<number>(
    '--max-connections <limits>',
    'most streams and held polls',
    defaults.limits.connections,
    readNumber,
    'address=500,session=none',
  ),
  connectRate: rates('--connect-rate <limits>', 'streams opened', defaults.limits.connects),
  pollRate: rates('--poll-rate <limits>', 'polls and other reads', defaults.limits.polls),
  publishRate: rates('--publish-rate <limits>', 'publishes', defaults.limits.publishes),
  tokenRate: rates('--token-rate <limits>', 'tokens minted', defaults.limits.tokens),
  jobRate: rates('--job-rate <limits>', 'commands to jobs', defaults.limits.jobCommands),
} as const

export function planLimits(
  values: ValuesOf<typeof limitSettings>,
): Pick<HubOptions, 'limits' | 'trustedProxies' | 'addressHeader'> {
  const { trustedProxies, addressHeader, maxConnections, connectRate, pollRate, publishRate, tokenRate, jobRate } =
    values
  const given = {
    connections: maxConnections,
    connects: connectRate,
    polls: pollRate,
    publishes: publishRate,
    tokens: tokenRate,
    jobCommands: jobRate,
  }
  return {
    ...present({ trustedProxies: listed(trustedProxies), addressHeader }),
    limits: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as GivenLimits,
  }
}
