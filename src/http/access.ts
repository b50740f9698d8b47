import type { Action, Ask } from '../auth/authorize.js'
import { canPublish, canSubscribe } from '../auth/grants.js'
import { type Principal, ownTopics } from '../auth/principal.js'
import { TidingsError } from '../errors.js'
import { readsEverything } from '../hub/everything.js'
import type { JobsEngine } from '../jobs/jobs.js'
import { defaults } from '../protocol/defaults.js'
import type { Job } from '../protocol/job.js'
import { jobIdOf, jobTopic, matchesPattern, userTopic } from '../protocol/topic.js'

/**
 * The gate of every request (spec §5, A3, A4). Forbidden and unknown are one answer: 403 naming the topics, 404 for a job.
 */
export class Access {
  readonly #jobs: JobsEngine
  readonly #ask: Ask
  readonly #publicTopics: readonly string[]

  /** `publicTopics`: patterns of topics that anybody who is let in may read. */
  constructor(jobs: JobsEngine, ask: Ask, publicTopics: readonly string[]) {
    this.#jobs = jobs
    this.#ask = ask
    this.#publicTopics = publicTopics
  }

  /** The topics of a stream: all allowed, or 403 naming those that are not. */
  async topicsFor(principal: Principal, named: readonly string[], own: boolean): Promise<readonly string[]> {
    if (readsEverything(named)) {
      await this.requireAdmin(principal)
      return named
    }
    // Most streams name one topic, and nothing is asked beside it.
    const [only] = named
    if (only !== undefined && named.length === 1 && !own) {
      await this.requireSubscribe(principal, only)
      return named
    }
    const allowed = await Promise.all(named.map((topic) => this.maySubscribe(principal, topic)))
    const refused = named.filter((_, index) => !allowed[index])
    if (refused.length > 0) throw forbidden(refused)
    const ownOnes = own ? ownTopics(principal) : []
    // Nobody named these: one that the application takes away is left out.
    const left = await this.#askAll(principal, 'subscribe', ownOnes)
    const topics = [...new Set([...ownOnes.filter((_, index) => left[index] !== false), ...named])]
    if (topics.length === 0 && ownOnes.length > 0) throw forbidden(ownOnes)
    if (topics.length === 0) throw new TidingsError('query_invalid', 'Name at least one topic.', { field: 'topic' })
    return topics
  }

  async requireSubscribe(principal: Principal, topic: string): Promise<void> {
    const may = this.maySubscribe(principal, topic)
    if (!(may === true || (await may))) throw forbidden([topic])
  }

  /** `action`: to create or command the jobs of these topics takes the same grant. */
  async requirePublish(
    principal: Principal,
    topics: readonly string[],
    action: 'publish' | 'job' = 'publish',
  ): Promise<void> {
    const asked = await this.#askAll(principal, action, topics)
    const refused = topics.filter((topic, index) => !(asked[index] ?? canPublish(principal, topic)))
    if (refused.length > 0) throw forbidden(refused)
  }

  /** Nearly every event has one topic. */
  async #askAll(principal: Principal, action: Action, topics: readonly string[]): Promise<readonly (boolean | null)[]> {
    if (topics.length === 1) return [await this.#ask(principal, action, topics[0] as string)]
    return await Promise.all(topics.map((topic) => this.#ask(principal, action, topic)))
  }

  /** The admin routes (A7), of the caller's own namespace. */
  async requireAdmin(principal: Principal): Promise<void> {
    const may = !principal.scope && ((await this.#ask(principal, 'admin', null)) ?? principal.admin)
    if (!may) throw new TidingsError('forbidden', 'This takes the admin grant.')
  }

  /** What tells of all namespaces together is for those who run the hub: the admins of the namespace `default` (P11.18). */
  async requireOperator(principal: Principal): Promise<void> {
    await this.requireAdmin(principal)
    if (principal.namespace === defaults.namespace) return
    throw new TidingsError(
      'forbidden',
      `These figures are of the whole hub: they take the admin grant of the namespace "${defaults.namespace}".`,
    )
  }

  isOperator(principal: Principal): Promise<boolean> {
    return passes(this.requireOperator(principal))
  }

  /** The job, where the principal may read it. */
  async readableJob(principal: Principal, id: string): Promise<Job> {
    const topic = jobTopic(id)
    const job = await this.#jobs.snapshot(principal.namespace, id)
    const asked = await this.#ask(principal, 'subscribe', topic)
    const may = asked ?? (this.#isOpen(principal, topic) || canPublish(principal, topic))
    if (!job || !(may || (asked !== false && owns(principal, job)))) throw unknownJob(id)
    return job
  }

  /**
   * Every command takes a publish grant; a cancel also ownership, the job's token or a subscribe grant of the caller's own.
   * That a topic is public, or that `authorize` lets somebody read it, opens it for reading only.
   */
  async requireCommand(principal: Principal, id: string, action: string): Promise<void> {
    const topic = jobTopic(id)
    const asked = await this.#ask(principal, 'job', topic)
    if (asked ?? canPublish(principal, topic)) return
    const job = await this.readableJob(principal, id)
    if (action !== 'cancel' || asked === false || !mayCancel(principal, job)) throw forbidden([topic])
  }

  /** Whether this principal may read the topic, right now; at once where its grants say so and nobody is to be asked. */
  maySubscribe(principal: Principal, topic: string): true | Promise<boolean> {
    const asked = this.#ask(principal, 'subscribe', topic)
    return asked === null && this.#isOpen(principal, topic) ? true : this.#maySubscribe(principal, topic, asked)
  }

  async #maySubscribe(principal: Principal, topic: string, asking: ReturnType<Ask>): Promise<boolean> {
    const asked = await asking
    if (asked !== null) return asked
    if (this.#isOpen(principal, topic)) return true
    if (principal.scope) return false
    const id = jobIdOf(topic)
    if (id === null || principal.userId === undefined) return false
    const job = await this.#jobs.snapshot(principal.namespace, id)
    return job !== null && owns(principal, job)
  }

  #isOpen(principal: Principal, topic: string): boolean {
    const isPublic = !principal.scope && this.#publicTopics.some((pattern) => matchesPattern(pattern, topic))
    return isPublic || canSubscribe(principal, topic)
  }
}

/** Whether a gate lets somebody in. */
export const passes = (gate: Promise<void>): Promise<boolean> =>
  gate.then(
    () => true,
    () => false,
  )

const owns = (principal: Principal, job: Job): boolean =>
  !principal.scope && principal.userId !== undefined && job.owner === userTopic(principal.userId)

/** A token of single topics reads; only the job's own token ends it. What an anonymous reader may subscribe to is public. */
function mayCancel(principal: Principal, job: Job): boolean {
  if (principal.scope) return principal.jobId === job.id
  return principal.method !== 'anonymous' && canSubscribe(principal, jobTopic(job.id), owns(principal, job))
}

export const unknownJob = (id: string): TidingsError =>
  new TidingsError('not_found', `There is no job "${id}" that you may see.`, { field: 'id' })

const forbidden = (topics: readonly string[]): TidingsError =>
  new TidingsError(
    'forbidden',
    `You may not do this on ${topics.length === 1 ? 'the topic' : 'the topics'} ${topics.map((topic) => JSON.stringify(topic)).join(', ')}.`,
    {
      topics,
    },
  )
