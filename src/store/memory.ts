import { type Clock, systemClock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { addKept } from './add-kept.js'
import { type Random, randomToken, systemRandom } from '../random.js'
import { MemoryNamespace, type Moment } from './memory-namespace.js'
import { resolveStoreLimits, type StoreLimits } from './retention.js'
import type { DueState, Store } from './store.js'

export interface MemoryStoreOptions extends StoreLimits {
  /** Default: the platform's, as is `random`. */
  readonly clock?: Clock
  readonly random?: Random
}

/**
 * Keeps events in this process: for tests, development and what may be lost with the process (S1). Throws
 * `option_invalid` for a limit that is not a whole number of at least 1.
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const { clock = systemClock, random = systemRandom } = options
  const limits = resolveStoreLimits(options)
  const namespaces = new Map<string, MemoryNamespace>()
  const moment = (): Moment => ({ wallMs: clock.now(), steadyMs: clock.monotonic() })
  let sweptMs = clock.monotonic()
  let closed = false

  const find = (name: string): MemoryNamespace => {
    let namespace = namespaces.get(name)
    if (!namespace) {
      namespace = new MemoryNamespace(randomToken(random, 12), limits)
      namespaces.set(name, namespace)
    }
    return namespace
  }
  // Async, so that a closed store is a rejection; the body runs within the call, which keeps the order of calls.
  const run = async <Result>(step: () => Result): Promise<Result> => {
    if (closed) throw new TidingsError('closed', 'The store is closed.')
    return step()
  }

  return {
    kind: 'memory',
    holdings: {
      of: (namespace) => run(() => find(namespace).kept(moment())),
      ofAll: () =>
        run(() => {
          const all = [...namespaces.values()].map((namespace) => namespace.kept(moment()))
          return addKept(all, limits.idWindow.ageMs)
        }),
    },
    open: () => run(() => undefined),
    append: (namespace, append) => run(() => find(namespace).append(append, moment())),
    read: (namespace, query) => run(() => find(namespace).read(query)),
    head: (namespace) => run(() => find(namespace).head),
    positionAt: (namespace, timestampMs) => run(() => find(namespace).positionAt(timestampMs)),
    follow: (namespace, follower) => run(() => find(namespace).feed.follow(follower, find(namespace).head)),
    probe: (namespace) => run(() => find(namespace).feed.probe(find(namespace).head)),
    state: (namespace, topic) => run(() => find(namespace).state(topic, moment())),
    states: (namespace, query) => run(() => find(namespace).listStates(query)),
    idWindow: (namespace) => run(() => find(namespace).ids.window(clock.monotonic())),
    topics: (namespace, query) => run(() => find(namespace).topics(query)),
    describe: (namespace, topic) => run(() => find(namespace).describe(topic)),
    erase: (namespace, topic) => run(() => find(namespace).erase(topic)),
    due: ({ limit, pauseMs }) =>
      run(() => {
        const nowMs = clock.monotonic()
        // Nobody could renew while nobody swept (J6).
        if (nowMs - sweptMs > pauseMs) for (const { states } of namespaces.values()) states.grantLeases(nowMs)
        sweptMs = nowMs
        return dueStates(namespaces, nowMs, limit)
      }),
    maintain: () =>
      run(() => {
        for (const namespace of namespaces.values()) namespace.maintain(moment())
      }),
    async close() {
      closed = true
      for (const { feed } of namespaces.values()) feed.close()
      namespaces.clear()
    },
  }
}

function dueStates(namespaces: ReadonlyMap<string, MemoryNamespace>, nowMs: number, limit: number): DueState[] {
  const due: { readonly dueMs: number; readonly state: DueState }[] = []
  for (const [namespace, { states }] of namespaces) {
    for (const { topic, version, value, dueMs } of states.due(nowMs, limit))
      due.push({ dueMs, state: { namespace, topic, version, value } })
  }
  due.sort((one, other) => one.dueMs - other.dueMs)
  return due.slice(0, limit).map(({ state }) => state)
}
