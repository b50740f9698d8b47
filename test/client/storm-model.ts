import { expect } from 'vitest'
import type { EnvironmentNews } from '#src/client/environment.js'
import { type Client, createClient } from '#src/client/index.js'
// Loaded here, so that the clients of the model have them at once.
import '#src/client/history.js'
import '#src/client/poll.js'
import '#src/client/refusal.js'
import type { TransportChoice } from '#src/client/state.js'
import { type FakeClock, fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { FakeHub } from './fake-hub.js'
import type { Fault, Logged } from './fake-network.js'

const topicNames = ['a', 'b', 'user:7', 'job:1']

/** What one subscription got, and what it has a right to. */
export class Listener {
  readonly topic: string
  /** It began after this number; null: with the first event that came. */
  readonly since: number | null
  /**
   * So many events of its topic were there when it joined others that listen to it. After a gap a client does not hand those
   * on again that they have had (P13.13), so of these it is owed none.
   */
  readonly sharedFrom: number
  readonly got: Logged[] = []
  /** How much it had got at each gap. */
  readonly gapsAt: number[] = []
  /** The hub refused its topic, or it was given up: what comes later is not for it. */
  over = false
  readonly #undo: () => void

  constructor(
    client: Client,
    topic: string,
    from: { readonly seq: number; readonly since: string } | null = null,
    sharedFrom = 0,
  ) {
    this.topic = topic
    this.sharedFrom = sharedFrom
    this.since = from && from.seq
    const heard = (event: unknown): void => void this.got.push(event as Logged)
    const onError = (): void => void (this.over = true)
    const onGap = (): void => void this.gapsAt.push(this.got.length)
    this.#undo = client.subscribe(topic, { '*': heard }, { since: from?.since, onGap, onError })
  }

  leave(): void {
    this.over = true
    this.#undo()
  }
}

export interface Weather {
  /** The hub removes history, or begins another. */
  readonly forgets?: boolean
  /** Transports change often: by proxies that hold streams back or cut held polls, and by force. */
  readonly switches?: boolean
  readonly rounds?: number
}

/** One seed: a client and a hub with a bad network between them, for a while; then the weather clears. */
export async function storm(
  seed: number,
  { forgets = false, switches = false, rounds = 60 }: Weather = {},
  create: typeof createClient = createClient,
) {
  const random = seededRandom(seed)
  const clock = fakeClock()
  const hub = new FakeHub(clock, random)
  const dice = (sides: number): number => Math.floor(random.fraction() * sides)
  let tell = (_news: EnvironmentNews): void => {}
  let signIn = (): 'works' | 'fails' | 'hangs' => (['fails', 'hangs'] as const)[dice(30)] ?? 'works'
  const token = (refresh: boolean): string | Promise<string> => {
    const how = signIn()
    if (how === 'works') return refresh ? 'fresh' : 'old'
    hub.meet(`sign-in ${how}`)
    return how === 'fails' ? Promise.reject(new Error('no token')) : new Promise(() => {})
  }
  const client = create({
    url: 'http://hub.test',
    fetch: hub.fetch,
    getToken: ({ refresh }) => token(refresh),
    environment: {
      watch: (listener) => {
        tell = listener
        return () => {}
      },
    },
    clock,
    random: seededRandom(seed + 1_000_000),
  })
  const errors: string[] = []
  client.onError((error) => errors.push(error.kind))
  let changes = 0
  let transport: string | null = null
  client.status.subscribe(() => {
    const { transport: now } = client.status.getSnapshot()
    if (now && transport && now !== transport) changes++
    transport = now ?? transport
  })

  hub.fault = (transport) => (transport === 'poll' && dice(4) === 0 ? { lateMs: dice(3_000) } : weather(dice, switches))
  const listeners: Listener[] = []
  const truth = new Map<string, Logged[]>(topicNames.map((name) => [name, []]))
  const publish = (): void => {
    const names = dice(4) === 0 ? ['a', 'b'] : [topicNames[dice(topicNames.length)] as string]
    const event = hub.publish(names)
    for (const name of names) truth.get(name)?.push(event)
  }

  const nameByChance = (): string => topicNames[dice(topicNames.length)] as string
  const isHeard = (name: string): boolean =>
    listeners.some((one) => one.topic === name && one.since === null && !one.over)
  const news = (what: EnvironmentNews): void => {
    hub.meet(what)
    tell(what)
  }
  let choice: TransportChoice = 'auto'
  const force = (next: TransportChoice): void => {
    choice = next
    client.forceTransport(next)
  }
  listeners.push(new Listener(client, 'a'))
  const turns: (() => unknown)[] = [
    () => hub.cut(),
    () => {
      const name = nameByChance()
      const shared = listeners.some((one) => one.topic === name && !one.over)
      if (!isHeard(name)) listeners.push(new Listener(client, name, null, shared ? truth.get(name)?.length : 0))
    },
    () => {
      const seq = hub.keptFrom - 1 + dice(hub.log.length + 1)
      const since = dice(2) ? `${hub.epoch}.${seq}` : 'start'
      hub.meet('history')
      listeners.push(new Listener(client, nameByChance(), { since, seq: since === 'start' ? hub.keptFrom - 1 : seq }))
    },
    () => {
      if (listeners.length > 1) listeners[dice(listeners.length)]?.leave()
    },
    () => {
      hub.meet('clock')
      clock.jump((dice(2) ? 1 : -1) * 3_600_000)
    },
    () => client.reconnect(),
    () => {
      if (forgets) hub.keptFrom = Math.max(hub.keptFrom, (hub.log.at(-1)?.seq ?? 0) - 3)
    },
    () => {
      if (!forgets) return
      const what = dice(6)
      if (what === 0) hub.restartEmpty()
      else if (what === 1) hub.restartFromCopy()
    },
    () => hub.ping(),
    () => news((['online', 'offline', 'visible', 'frozen', 'resumed'] as const)[dice(5)] as EnvironmentNews),
    () => (dice(4) === 0 ? client.disconnect() : client.connect()),
    () => void (hub.heldMs = dice(2) ? Number.POSITIVE_INFINITY : dice(20_000)),
    () => void (dice(3) === 0 ? hub.forbidden.add('b') : hub.forbidden.clear()),
    () => void (hub.buffering = dice(2) === 0),
    () => force((['auto', 'auto', 'sse', 'poll'] as const)[dice(4)] as TransportChoice),
  ]
  for (let round = 0; round < rounds; round++) {
    const what = dice(30)
    if (what < 9) for (let count = dice(5); count >= 0; count--) publish()
    else if (what < 9 + turns.length) turns[what - 9]?.()
    else await clock.advance(dice(3) === 0 ? dice(90_000) : dice(500))
    if (switches && dice(3) === 0) {
      if (dice(2)) hub.buffering = !hub.buffering
      else force((['auto', 'sse', 'poll'] as const)[dice(3)] as TransportChoice)
      await clock.advance(dice(20_000))
    }
    if (hub.keptFrom > 1) hub.log = hub.log.filter(({ seq }) => seq >= hub.keptFrom)
  }

  hub.fault = () => ({})
  signIn = () => 'works'
  hub.buffering = false
  hub.heldMs = Number.POSITIVE_INFINITY
  hub.forbidden.clear()
  // Somebody listens at the end.
  if (listeners.every(({ over }) => over)) listeners.push(new Listener(client, 'a'))
  tell('resumed')
  // What was wrong with the streams that are open stays wrong, and half of the clients are left to find out by themselves.
  if (seed % 2) {
    hub.cut()
    client.forceTransport('auto')
  } else if (choice !== 'auto') client.forceTransport('auto')
  // A refusal that stops for good is right; the person then presses the button. Unless nobody is left to listen.
  client.connect()
  if (seed % 4 === 0) {
    // The streams of some are half open by the time they are up.
    await clock.advance(1_000)
    hub.fallSilent()
  }
  await beat(clock, hub, seed % 2 ? 130_000 : 1_200_000)
  const last = topicNames.map((name) => ({ name, event: hub.publish(name) }))
  for (const { name, event } of last) truth.get(name)?.push(event)
  // A stream that has so few bytes left that these events use them up is noticed and replaced.
  await beat(clock, hub, 100_000)
  expect(client.status.getSnapshot(), `seed ${seed}`).toMatchObject({
    status: 'connected',
    transport: 'sse',
    cursor: hub.head,
  })
  client.close()
  await clock.advance(0)
  return { client, hub, clock, listeners, truth, errors, changes }
}

async function beat(clock: FakeClock, hub: FakeHub, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    hub.ping()
    await clock.advance(Math.min(left, 10_000))
  }
}

function weather(dice: (sides: number) => number, mild: boolean): Fault {
  const roll = dice(mild ? 60 : 27)
  if (roll < 2) return { refuse: 'network' }
  if (roll === 2) return { refuse: 401 }
  if (roll === 3) return { refuse: 429 }
  if (roll === 4) return { refuse: 503 }
  if (roll === 5) return { refuse: 'silence' }
  if (roll === 6) return { refuse: 'portal' }
  if (roll === 7 && dice(4) === 0) return { refuse: 204 }
  if (roll < 10) return { lateMs: dice(20_000) }
  if (roll < 17) return { bytes: dice(2_500), ending: (['end', 'error', 'silence'] as const)[dice(3)] as 'end' }
  return { twice: dice(3) === 0 }
}

/** D1, D2, D3: a subscription got its topic from where it began, in order, without a hole, none twice. */
export function expectWhole({ listeners, truth, hub, clock }: Awaited<ReturnType<typeof storm>>, seed: number): void {
  for (const { topic, since, got, gapsAt, over } of listeners) {
    const all = truth.get(topic) ?? []
    const first = since === null ? (got[0]?.seq ?? 0) : since + 1
    const owed = all.filter(({ seq }) => seq >= first)
    const name = `seed ${seed}, topic ${topic} since ${since}`
    expect(
      got.map(({ seq }) => seq),
      name,
    ).toEqual(owed.slice(0, over ? got.length : undefined).map(({ seq }) => seq))
    if (!over) expect(got.length, `${name}: the event after the storm arrived`).toBeGreaterThan(0)
    expect(gapsAt, name).toEqual([])
  }
  expect(hub.open, `seed ${seed}: close() leaves no stream and no poll`).toBe(0)
  expect(clock.pending, `seed ${seed}: close() leaves no timer`).toBe(0)
}

/** D4: what is missing was told as a gap; nothing comes twice or out of order. Gives how much was missing. */
export function expectTold({ listeners, truth, hub }: Awaited<ReturnType<typeof storm>>, seed: number): number {
  let missing = 0
  for (const { topic, sharedFrom, got, gapsAt, over } of listeners) {
    const name = `seed ${seed}, topic ${topic}`
    const ids = got.map(({ id }) => id)
    expect(new Set(ids).size, `${name}: twice`).toBe(ids.length)
    const all = (truth.get(topic) ?? []).map(({ id }) => id)
    const places = ids.map((id) => all.indexOf(id))
    // After a gap a topic goes on from its oldest kept event, which may be older than the first one that came.
    const parts = [0, ...gapsAt].map((from, n) => places.slice(from, gapsAt[n]))
    for (const part of parts) expect(part, `${name}: order`).toEqual([...part].sort((a, b) => a - b))
    if (over) continue
    const first = Math.max(sharedFrom, Math.min(...places))
    const kept = hub.log.map(({ id }) => all.indexOf(id)).filter((place) => place >= first)
    expect(places, `${name}: what is kept`).toEqual(expect.arrayContaining(kept))
    const holes = all.length - first - places.filter((place) => place >= first).length
    missing += holes
    if (holes > 0) expect(gapsAt, `${name}: silent`).not.toEqual([])
  }
  return missing
}

/** Every trouble that a client has to live through. `stream: …`: it broke in the middle, or fell silent. */
export const troubles = [
  ...['network', 'silence', 'portal', '204', '401', '403', '429', '503', 'late', 'twice', 'held back'],
  ...['sign-in fails', 'sign-in hangs'],
  ...['stream: end', 'stream: error', 'stream: silence', 'a stream answered after a later request'],
  ...['online', 'offline', 'visible', 'frozen', 'resumed', 'clock', 'history'],
]
