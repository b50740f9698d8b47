import { canPublish, canSubscribe } from '../auth/grants.js'
import { type Principal, ownTopics } from '../auth/principal.js'
import { TidingsError } from '../errors.js'
import type { JobsEngine } from '../jobs/jobs.js'
import type { Job } from '../protocol/job.js'
import { jobIdOf, jobTopic, userTopic } from '../protocol/topic.js'

/**
 * The gate of every request (spec §5, A3, A4). Forbidden and unknown are one answer: 403 naming the topics, 404 for a job.
 */
export class Access {
  readonly #jobs: JobsEngine

  constructor(jobs: JobsEngine) {
    this.#jobs = jobs
  }

  /** The topics of a stream: all allowed, or 403 naming those that are not. */
  async topicsFor(principal: Principal, named: readonly string[], own: boolean): Promise<readonly string[]> {
    const refused: string[] = []
    for (const topic of named) if (!(await this.#maySubscribe(principal, topic))) refused.push(topic)
    if (refused.length > 0) throw forbidden(refused)
    const topics = [...new Set([...(own ? ownTopics(principal) : []), ...named])]
    if (topics.length === 0) throw new TidingsError('query_invalid', 'Name at least one topic.', { field: 'topic' })
    return topics
  }

  async requireSubscribe(principal: Principal, topic: string): Promise<void> {
    if (!(await this.#maySubscribe(principal, topic))) throw forbidden([topic])
  }

  requirePublish(principal: Principal, topics: readonly string[]): void {
    const refused = topics.filter((topic) => !canPublish(principal, topic))
    if (refused.length > 0) throw forbidden(refused)
  }

  /** The job, where the principal may read it. */
  async readableJob(principal: Principal, id: string): Promise<Job> {
    const job = await this.#jobs.snapshot(principal.namespace, id)
    if (!job || !(owns(principal, job) || canSubscribe(principal, jobTopic(id)) || canPublish(principal, jobTopic(id))))
      throw unknownJob(id)
    return job
  }

  /** The owner of a job may cancel it; everything else takes a publish grant. */
  async requireCommand(principal: Principal, id: string, action: string): Promise<void> {
    if (canPublish(principal, jobTopic(id))) return
    await this.readableJob(principal, id)
    if (action !== 'cancel') throw forbidden([jobTopic(id)])
  }

  async #maySubscribe(principal: Principal, topic: string): Promise<boolean> {
    if (canSubscribe(principal, topic)) return true
    if (principal.scope) return false
    const id = jobIdOf(topic)
    if (id === null || principal.userId === undefined) return false
    const job = await this.#jobs.snapshot(principal.namespace, id)
    return job !== null && owns(principal, job)
  }
}

const owns = (principal: Principal, job: Job): boolean =>
  !principal.scope && principal.userId !== undefined && job.owner === userTopic(principal.userId)

export const unknownJob = (id: string): TidingsError =>
  new TidingsError('not_found', `There is no job "${id}" that you may see.`, { field: 'id' })

export const forbidden = (topics: readonly string[]): TidingsError =>
  new TidingsError(
    'forbidden',
    `You may not do this on ${topics.length === 1 ? 'the topic' : 'the topics'} ${topics.map((topic) => JSON.stringify(topic)).join(', ')}.`,
    {
      topics,
    },
  )
