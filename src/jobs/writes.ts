import { createHash } from 'node:crypto'
import type { MakeId } from '../ids.js'
import { encodeBody } from '../protocol/event.js'
import { jobTopic, jobsTopic } from '../protocol/topic.js'
import type { Claim, Deadline, NewEvent, StateWrite } from '../store/store.js'
import type { JobEvent } from './job.js'
import { type JobState, encodeState } from './state.js'

/** The id under which the store remembers a command. Parts are never joined by a character they may contain (A3). */
export function claimOf(jobId: string, commandId: string, content: unknown): Claim {
  return { id: JSON.stringify(['job', jobId, commandId]), digest: digestOf(content) }
}

/** Apart from the commands of a job, so that a command named like its job is not taken for its creation. */
export function creationClaim(jobId: string, digest: string): Claim {
  return { id: JSON.stringify(['jobs', jobId]), digest }
}

export function digestOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 22)
}

/** Events of a job go under its own topic and under its owner's, progress conflated by job (J1). */
export function eventsOf(state: JobState, events: readonly JobEvent[], makeId: MakeId): NewEvent[] {
  const topics = [jobTopic(state.job.id), jobsTopic(state.job.owner)]
  return events.map(({ type, data, conflated }) => {
    const conflationKey = conflated ? topics[0] : undefined
    return {
      id: makeId(),
      type,
      priority: 'normal',
      body: encodeBody({ data, ...(conflationKey && { metadata: { conflationKey } }) }),
      topics,
      digest: '',
      fresh: true,
      ...(conflationKey && { conflationKey }),
    }
  })
}

export function writeOf(state: JobState, expect: number, deadline: Deadline): StateWrite {
  return {
    topic: jobTopic(state.job.id),
    expect,
    value: encodeState(state),
    group: jobsTopic(state.job.owner),
    deadline,
  }
}
