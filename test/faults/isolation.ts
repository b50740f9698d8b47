import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { SignJWT } from 'jose'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub, type HubOptions } from '#src/index.js'
import type { Store } from '#src/store/store.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { type Canary, type Person, mayRead, maySee } from './isolation-rights.js'
import { type Wire, type WireRequest, wire } from './isolation-wire.js'

export interface IsolationOptions {
  readonly seed: number
  readonly durationMs: number
  /** It goes on until this holds too, for ten times as long at most: a busy machine does less in the same time. */
  readonly enough?: (report: IsolationReport) => boolean
  /** One a node. */
  readonly stores: readonly Store[]
  /** What the hubs are given besides: a test of the test plants its bugs here. */
  readonly hub?: Partial<HubOptions>
  readonly namespaces?: number
  readonly usersEach?: number
  /** A bug that a test of the test plants: revoking is only pretended. */
  readonly forgetsRevocations?: boolean
}

export interface IsolationReport {
  readonly bytes: number
  readonly requests: number
  readonly streams: number
  readonly events: number
  /** Canaries that were found in what was received, and judged. */
  readonly sightings: number
  readonly attempts: number
  /** Lists and streams of a namespace that were shown to who runs it. */
  readonly looks: number
  readonly revocations: number
  readonly statuses: Readonly<Record<number, number>>
  readonly violations: readonly string[]
  readonly errors: readonly unknown[]
  readonly lateErrors: readonly string[]
}

interface Credential {
  readonly person: Person
  readonly headers: Readonly<Record<string, string>>
  readonly method: 'session' | 'jwt'
  readonly tokenId?: string
  /** Since when it must be refused. */
  deadSinceMs: number
}

interface Open {
  readonly wire: Wire
  readonly credential: Credential
  readonly what: string
  /** From then on nothing new may arrive. */
  endedMs: number
  /** The answer has begun, so whoever is behind it has been judged. */
  isAnswered: boolean
}

const secret = 'a secret that is long enough for HS256'
const canaryShape = /~[0-9a-f]{16}~/g
const longestCanary = 18
/** Ten times what the slowest revocation may take. */
const graceMs = 10_000

/** Many people of many namespaces on a few hubs, who read, come back, poll, lose rights, are revoked, and pry. */
export async function runIsolation(options: IsolationOptions): Promise<IsolationReport> {
  const world = new World(options)
  await world.start()
  try {
    await world.run()
  } finally {
    await world.stop()
  }
  return world.report()
}

class World {
  readonly #options: IsolationOptions
  readonly #canaries = new Map<string, Canary>()
  readonly #people = new Map<string, Person>()
  readonly #revokedSessions = new Set<string>()
  readonly #hubs: Hub[] = []
  readonly #servers: Server[] = []
  readonly #ports: number[] = []
  readonly #open = new Set<Open>()
  readonly #tokens: Credential[] = []
  readonly #topics = new Map<string, string[]>()
  readonly #cursors: { readonly namespace: string; readonly cursor: string }[] = []
  readonly #jobs: {
    readonly namespace: string
    readonly id: string
    readonly owner: string
    readonly token: string
  }[] = []
  readonly #random
  readonly #counts = {
    bytes: 0,
    requests: 0,
    streams: 0,
    events: 0,
    sightings: 0,
    attempts: 0,
    looks: 0,
    revocations: 0,
  }
  readonly #statuses: Record<number, number> = {}
  readonly #violations: string[] = []
  readonly #errors: unknown[] = []
  #beganMs = 0
  /** Told while the hubs close: work that was under way is refused. */
  readonly #lateErrors: string[] = []
  #isOver = false

  constructor(options: IsolationOptions) {
    this.#options = options
    this.#random = seededRandom(options.seed)
  }

  async start(): Promise<void> {
    const { stores, namespaces = 20, usersEach = 10, hub = {} } = this.#options
    for (const store of stores) {
      const one = await createHub({
        authenticate: (request) => this.#session(request),
        jwt: { secret },
        urlTokens: true,
        limits: null,
        onError: (error, stage) =>
          void (this.#isOver ? this.#lateErrors : this.#errors).push(`${stage}: ${String(error)}`),
        ...hub,
        store,
      })
      const server = createServer(toNodeHandler(one))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      this.#hubs.push(one)
      this.#servers.push(server)
      this.#ports.push((server.address() as { port: number }).port)
    }
    for (let n = 0; n < namespaces; n++) {
      // Ids are the same in every namespace: only the namespace keeps these people apart.
      const namespace = `tenant-${n}`
      const topics = Array.from({ length: 6 }, (_, t) => `t${t}:${this.#canary(namespace, [])}`)
      for (const topic of topics) {
        const [token = ''] = topic.match(canaryShape) ?? []
        this.#canaries.set(token, { namespace, topics: [topic], atMs: 0 })
      }
      this.#topics.set(namespace, topics)
      for (let u = 0; u < usersEach; u++) this.#people.set(`${namespace}/${u}`, this.#newPerson(namespace, String(u)))
    }
  }

  async run(): Promise<void> {
    this.#beganMs = performance.now()
    await Promise.all(Array.from({ length: 8 }, () => this.#act()))
    const left = () => [...this.#open].filter(({ endedMs, wire: one }) => endedMs < Infinity && one.isOpen)
    for (const end = performance.now() + graceMs; left().length > 0 && performance.now() < end; ) await pause(10)
    for (const { what } of left()) this.#violation(`still open ${graceMs} ms after it was revoked: ${what}`)
  }

  #isEnough(): boolean {
    const { durationMs, enough } = this.#options
    const forMs = performance.now() - this.#beganMs
    return forMs >= durationMs && (forMs >= 10 * durationMs || !enough || enough(this.report()))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    for (const { wire: one } of this.#open) one.close()
    await Promise.all(this.#hubs.map((hub) => hub.close({ drainMs: 0 })))
    for (const server of this.#servers) {
      server.closeAllConnections()
      server.close()
    }
  }

  report(): IsolationReport {
    return {
      ...this.#counts,
      statuses: this.#statuses,
      violations: this.#violations,
      errors: this.#errors,
      lateErrors: this.#lateErrors,
    }
  }

  // People

  #newPerson(namespace: string, userId: string): Person {
    const topics = this.#topics.get(namespace) ?? []
    const some = <T>(of: readonly T[], share: number) => of.filter(() => this.#chance(share))
    return {
      namespace,
      userId,
      sessionId: `s${userId}-${this.#whole(1_000_000)}`,
      roles: some(['ADMIN', 'EDITOR', 'GUEST'], 0.3),
      subscribe: [...some(topics, 0.3), ...(this.#chance(0.1) ? ['t1*'] : [])],
      publish: this.#chance(0.2) ? [...some(topics, 0.5), 'job:*'] : [],
      admin: this.#chance(0.1),
    }
  }

  /** The application's own sessions, read at each request: what it answers are the rights of that request. */
  #session(request: Request) {
    const key = request.headers.get('x-session')
    if (key === null) return null
    const { person, sessionId } = JSON.parse(key) as { person: string; sessionId: string }
    const current = this.#people.get(person)
    return current && current.sessionId === sessionId ? sessionOf(current) : null
  }

  async #credential(person: Person): Promise<Credential> {
    if (this.#chance(0.5)) {
      const key = JSON.stringify({ person: `${person.namespace}/${person.userId}`, sessionId: person.sessionId })
      return { person, headers: { 'x-session': key }, method: 'session', deadSinceMs: Infinity }
    }
    const old = this.#tokens.filter(
      (one) => one.person.namespace === person.namespace && one.person.userId === person.userId,
    )
    if (old.length > 0 && this.#chance(0.7)) return this.#one(old)
    const tokenId = randomBytes(8).toString('hex')
    const { userId, sessionId, namespace, roles, subscribe, publish, admin } = person
    const token = await new SignJWT({ sid: sessionId, tidings: { namespace, roles, subscribe, publish, admin } })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(userId)
      .setJti(tokenId)
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(new TextEncoder().encode(secret))
    const credential: Credential = {
      person,
      headers: { authorization: `Bearer ${token}` },
      method: 'jwt',
      tokenId,
      deadSinceMs: this.#revokedSessions.has(`${namespace}/${sessionId}`) ? 0 : Infinity,
    }
    this.#tokens.push(credential)
    return credential
  }

  // What happens

  async #act(): Promise<void> {
    while (!this.#isEnough()) {
      const dice = this.#random.fraction()
      try {
        if (dice < 0.35) await this.#publish()
        else if (dice < 0.55) await this.#stream()
        else if (dice < 0.68) await this.#poll()
        else if (dice < 0.74) this.#leave()
        else if (dice < 0.78) this.#changeRights()
        else if (dice < 0.8) await this.#revoke()
        else if (dice < 0.84) await this.#job()
        else await this.#pry()
      } catch (error) {
        this.#errors.push(error)
      }
      await pause(this.#whole(8))
    }
  }

  async #publish(): Promise<void> {
    const namespace = this.#one([...this.#topics.keys()])
    const topics = [...new Set(Array.from({ length: 1 + this.#whole(3) }, () => this.#anyTopic(namespace)))]
    const canary = this.#canary(namespace, topics)
    const volatile = this.#chance(0.1)
    const { cursor } = await this.#one(this.#hubs).publish(
      { topics, type: 'n', data: { canary }, volatile, metadata: { canary } },
      { namespace },
    )
    this.#counts.events++
    if (cursor !== null && this.#cursors.length < 5_000) this.#cursors.push({ namespace, cursor })
  }

  async #stream(): Promise<void> {
    if (this.#open.size > 400) this.#leave()
    const credential = await this.#credential(this.#someone())
    const topics = this.#chance(0.3) ? [] : this.#readable(credential.person)
    const target = this.#eventsTarget(topics, this.#since(credential.person.namespace))
    await this.#send(credential, { target, headers: { accept: 'text/event-stream, application/problem+json' } }, true)
  }

  async #poll(): Promise<void> {
    const credential = await this.#credential(this.#someone())
    const target = this.#eventsTarget(this.#readable(credential.person), this.#since(credential.person.namespace))
    const wait = this.#chance(0.3) ? '&wait=1' : ''
    await this.#send(credential, { target: target + wait, headers: { accept: 'application/json' } })
  }

  #leave(): void {
    const open = this.#one([...this.#open])
    open?.wire.close()
  }

  #changeRights(): void {
    const { namespace, userId } = this.#someone()
    this.#people.set(`${namespace}/${userId}`, this.#newPerson(namespace, userId))
  }

  async #revoke(): Promise<void> {
    const { namespace, userId, sessionId } = this.#someone()
    const token = this.#chance(0.4) ? this.#one(this.#tokens) : undefined
    const kind = token ? 'tokenId' : this.#chance(0.5) ? 'user' : 'session'
    const meant = (one: Credential): boolean =>
      token
        ? one.tokenId === token.tokenId
        : one.person.namespace === namespace &&
          (kind === 'user' ? one.person.userId === userId : one.person.sessionId === sessionId)
    const before = [...this.#open].filter((open) => open.isAnswered && meant(open.credential))
    const tokens = this.#tokens.filter(meant)
    const target = token
      ? { tokenId: token.tokenId as string }
      : kind === 'user'
        ? { user: userId }
        : { session: sessionId }
    const where = token ? token.person.namespace : namespace
    if (kind === 'session') this.#revokedSessions.add(`${namespace}/${sessionId}`)
    if (!this.#options.forgetsRevocations) await this.#one(this.#hubs).revoke(target, { namespace: where })
    const nowMs = performance.now()
    this.#counts.revocations++
    for (const one of tokens) one.deadSinceMs = Math.min(one.deadSinceMs, nowMs)
    for (const open of before) open.endedMs = Math.min(open.endedMs, nowMs)
    // The person signs in anew.
    if (kind === 'session') this.#people.set(`${namespace}/${userId}`, this.#newPerson(namespace, userId))
  }

  async #job(): Promise<void> {
    const { namespace, userId } = this.#someone()
    const id = `j${this.#whole(1_000_000_000)}`
    const canary = this.#canary(namespace, [`job:${id}`, `jobs:${userId}`], userId)
    const { job, token } = await this.#one(this.#hubs)
      .jobsOf(namespace)
      .create({ id, owner: `user:${userId}`, kind: 'crawl', meta: { canary } })
    this.#jobs.push({ namespace, id, owner: userId, token: token as string })
    if (this.#chance(0.5)) {
      await this.#one(this.#hubs).jobsOf(namespace).open(job.id).set({ stage: canary })
    }
    const person = { ...this.#someone(), namespace, admin: false, scope: [`job:${id}`] }
    const credential: Credential = {
      person,
      headers: { authorization: `Bearer ${token}` },
      method: 'jwt',
      deadSinceMs: Infinity,
    }
    const target = this.#eventsTarget([`job:${id}`], 'start')
    await this.#send(credential, { target, headers: { accept: 'application/json' } })
  }

  /** Somebody tries to cross. Whatever the answer is, nothing that they may not see is in it. */
  async #pry(): Promise<void> {
    const credential = await this.#credential(this.#someone())
    const { namespace } = credential.person
    const foreign = this.#one([...this.#topics.keys()].filter((one) => one !== namespace))
    const theirs = this.#one(this.#topics.get(foreign) ?? [])
    const near = this.#anyTopic(namespace)
    const job = this.#one(this.#jobs) ?? { id: 'j1', owner: '1' }
    const cursor = this.#one(this.#cursors)?.cursor ?? 'x.1'
    const user = this.#whole(10)
    const accept = { accept: 'application/json' }
    const looks: WireLess[] = [
      '/connections',
      '/connections?state=closed',
      '/topics?limit=1000',
      `/topics?contains=${encodeURIComponent(theirs)}`,
      '/activity?limit=1000',
      '/activity?kind=connected&limit=1000',
      '/jobs?owner=*&limit=1000',
      `/jobs?owner=*&after=${this.#whole(10_000)}`,
      `/explanation?event=${cursor}&user=${user}&topic=${encodeURIComponent(theirs)}&topic=user:${user}`,
      '/events?topic=*&since=start',
      `/events?topic=*&since=${cursor}`,
    ].map((target) => ({ target, headers: accept }))
    const ofTheHub = ['/stats', '/stats?step=10', '/metrics', '/activity?kind=refused', '/activity?kind=error']
    const tries: WireLess[] = [
      ...[...ofTheHub, '/diagnosis', '//activity', '/%74opics'].map((target) => ({
        target,
        headers: accept,
      })),
      { target: this.#eventsTarget([theirs], 'start'), headers: accept },
      { target: this.#eventsTarget([near], 'start'), headers: accept },
      { target: this.#eventsTarget([`user:${user}`], 'start'), headers: accept },
      { target: this.#eventsTarget([], cursor), headers: accept },
      { target: '/events?since=start&own=1', headers: { ...accept, 'Last-Event-ID': cursor } },
      { target: this.#eventsTarget(['all'], cursor), headers: { accept: 'text/event-stream' } },
      { target: `/events?since=start&namespace=${foreign}&topic=all`, headers: accept },
      {
        target: '/events?since=start&topic=all',
        headers: { ...accept, 'X-Namespace': foreign, 'Tidings-Namespace': foreign },
      },
      ...[
        '*',
        't*',
        't1*',
        'user:*',
        '%2A',
        'all:',
        'all:x',
        `../${foreign}/all`,
        `${foreign}:all`,
        `${foreign}/all`,
      ].map((topic) => ({ target: `/events?since=start&topic=${encodeURIComponent(topic)}`, headers: accept })),
      ...[
        'user:1 ',
        'user:1\u0000',
        'user:1\u200b',
        'USER:1',
        'user:1:',
        'job:',
        'jobs:*',
        '{x}:all',
        'all\r\nX: y',
      ].map((topic) => ({ target: `/events?since=start&topic=${encodeURIComponent(topic)}`, headers: accept })),
      { target: '/events?topic=all&topic[]=user:1&topic%5B0%5D=user:1&since=start', headers: accept },
      { target: `/jobs/${job.id}`, headers: accept },
      { target: `/jobs/${job.id}%2F..%2F${job.id}`, headers: accept },
      { target: `/jobs?owner=user:${job.owner}`, headers: accept },
      { target: '/jobs?owner=user:*', headers: accept },
      { target: `/jobs/${job.id}/cancel`, method: 'POST', body: '{}' },
      { target: `/jobs/${job.id}`, method: 'PATCH', body: '{"increment":{"processed":1}}' },
      { target: `/jobs/${job.id}/retry`, method: 'POST', body: '{}' },
      { target: this.#eventsTarget([`job:${job.id}`], 'start'), headers: accept },
      { target: `/topics/${encodeURIComponent(near)}`, headers: accept },
      { target: `/topics/${encodeURIComponent(theirs)}`, headers: accept },
      { target: `/topics/${encodeURIComponent(theirs)}`, method: 'DELETE' },
      { target: '/connections/..%2F..%2Fconnections', headers: accept },
      { target: '/connections?state=connected', method: 'DELETE' },
      { target: '/connections/ping', method: 'POST' },
      { target: '/revocations', method: 'POST', body: JSON.stringify({ user: String(user) }) },
      { target: '//connections', headers: accept },
      { target: '/%63onnections', headers: accept },
      { target: '/tokens', method: 'POST', body: JSON.stringify({ for: 'url', topics: [near, theirs] }) },
      { target: '/tokens', method: 'POST', body: JSON.stringify({ tidings: { namespace: foreign } }) },
      { target: '/events', method: 'POST', body: JSON.stringify({ topic: near, type: 'n', data: 1 }) },
      { target: '/events', method: 'POST', body: JSON.stringify({ topic: 'all', type: 'n', namespace: foreign }) },
      { target: '/events', method: 'POST', body: JSON.stringify({ topic: `job:${job.id}`, type: 'job.completed' }) },
    ]
    this.#counts.attempts++
    // Whoever runs a namespace looks around in it; what they would change there is not what this is about.
    const { admin } = credential.person
    const attempt: WireLess = this.#one(
      admin ? [...looks, ...ofTheHub.map((target) => ({ target }))] : [...looks, ...tries],
    )
    const status = await this.#send(credential, attempt, false)
    const path = attempt.target.split('?')[0] as string
    const isAdministration =
      looks.includes(attempt) || /connections|revocations|activity|%74opics$/.test(path) || attempt.method === 'DELETE'
    const isForbidden = ofTheHub.includes(attempt.target) || (isAdministration && !admin)
    if (isForbidden && status < 400 && status !== 0)
      this.#violation(`${attempt.method ?? 'GET'} ${attempt.target} was answered ${status}`)
    if (admin && status === 200) this.#counts.looks++
  }

  // Requests and what comes back

  async #send(credential: Credential, request: WireLess, stays = false): Promise<number> {
    const what = `${credential.method} ${credential.person.namespace}/${credential.person.userId} ${request.target}`
    const wasDeadMs = credential.deadSinceMs
    const beganMs = performance.now()
    let rest = ''
    const one = wire(
      { ...request, port: this.#one(this.#ports), headers: { ...credential.headers, ...request.headers } },
      (text, bytes) => {
        this.#counts.bytes += bytes
        const all = rest + text
        for (const [found] of all.matchAll(canaryShape)) this.#judge(found, open, one.sent)
        // A canary that is cut in two is found with the next bytes; one that was whole is not found twice.
        const cut = all.lastIndexOf('~')
        const tail = cut >= 0 && all.length - cut < longestCanary && !all.slice(0, cut + 1).match(/~[0-9a-f]{16}~$/)
        rest = tail ? all.slice(cut) : ''
      },
    )
    const open: Open = { wire: one, credential, what, endedMs: Infinity, isAnswered: false }
    this.#open.add(open)
    void one.closed.then(() => this.#open.delete(open))
    const status = await one.status
    open.isAnswered = true
    this.#counts.requests++
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    if (wasDeadMs < beganMs && status !== 401 && status !== 0)
      this.#violation(`a revoked token was answered ${status}: ${what}`)
    if (stays && status === 200) this.#counts.streams++
    else if (/accept: application\/json/i.test(one.sent) || request.method) await one.closed
    else setTimeout(() => one.close(), 200)
    return status
  }

  #judge(found: string, { credential, what, endedMs }: Open, sent: string): void {
    this.#counts.sightings++
    const canary = this.#canaries.get(found)
    if (!canary) return this.#violation(`a canary that nobody set free: ${found}`)
    // What somebody asked about may be named in the refusal.
    if (sent.includes(found) || sent.includes(encodeURIComponent(found))) return
    if (!maySee(credential.person, canary, what.includes(' /jobs/'))) {
      this.#violation(`${what} was sent what is for ${canary.namespace} ${canary.topics.join(' ')}`)
    } else if (canary.atMs > endedMs) this.#violation(`${what} was sent something after it was revoked`)
  }

  #violation(text: string): void {
    if (this.#violations.length < 100) this.#violations.push(text)
  }

  #canary(namespace: string, topics: readonly string[], owner?: string): string {
    const text = `~${randomBytes(8).toString('hex')}~`
    this.#canaries.set(text, { namespace, topics, atMs: performance.now(), ...(owner !== undefined && { owner }) })
    return text
  }

  #eventsTarget(topics: readonly string[], since: string | null): string {
    const query = topics.map((topic) => `topic=${encodeURIComponent(topic)}`)
    return `/events?${[...query, ...(since === null ? [] : [`since=${since}`])].join('&')}`
  }

  #readable(person: Person): string[] {
    const { namespace, userId, sessionId, roles } = person
    const all = [
      ...(this.#topics.get(namespace) ?? []),
      'all',
      `user:${userId}`,
      `session:${sessionId}`,
      `jobs:${userId}`,
      ...roles.map((role) => `role:${role}`),
    ].filter((topic) => mayRead(person, topic))
    const some = all.filter(() => this.#chance(0.5))
    return some.length > 0 ? some : ['all']
  }

  #anyTopic(namespace: string): string {
    const { userId, sessionId } = this.#one([...this.#people.values()].filter((one) => one.namespace === namespace))
    const dice = this.#random.fraction()
    if (dice < 0.4) return this.#one(this.#topics.get(namespace) ?? [])
    if (dice < 0.6) return `user:${userId}`
    if (dice < 0.7) return `session:${sessionId}`
    return dice < 0.85 ? `role:${this.#one(['ADMIN', 'EDITOR', 'GUEST'])}` : 'all'
  }

  #since(namespace: string): string | null {
    const dice = this.#random.fraction()
    if (dice < 0.4) return null
    if (dice < 0.6) return 'start'
    const own = this.#cursors.filter((one) => one.namespace === namespace)
    return dice < 0.9 ? (this.#one(own)?.cursor ?? null) : (this.#one(this.#cursors)?.cursor ?? null)
  }

  #someone(): Person {
    return this.#one([...this.#people.values()])
  }
  #one<T>(of: readonly T[]): T {
    return of[this.#whole(of.length)] as T
  }
  #whole(below: number): number {
    return Math.floor(this.#random.fraction() * below)
  }
  #chance(share: number): boolean {
    return this.#random.fraction() < share
  }
}

type WireLess = Omit<WireRequest, 'port'>

const sessionOf = ({ scope: _scope, ...session }: Person) => session

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
