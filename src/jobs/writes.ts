import { hash } from 'node:crypto'
import type { MakeId } from '../ids.js'
import { encodeBody } from '../protocol/event.js'
import { jobTopic, jobsTopic } from '../protocol/topic.js'
import type { Claim, NewEvent, StateWrite } from '../store/store.js'
import { encodeState } from './state.js'
import type { TreeEvent, Write } from './tree.js'

/** The id under which the store remembers a command. Parts are never joined by a character they may contain (A3). */
export function claimOf(jobId: string, commandId: string, content: unknown): Claim {
  return { id: JSON.stringify(['job', jobId, commandId]), digest: digestOf(content) }
}

/** Apart from the commands of a job, so that a command named like its job is not taken for its creation. */
export function creationClaim(jobId: string, digest: string): Claim {
  return { id: JSON.stringify(['jobs', jobId]), digest }
}

export function digestOf(content: unknown): string {
  return hash('sha256', JSON.stringify(content), 'base64url').slice(0, 22)
}

/** Events of a job go under its own topic and under its owner's, progress conflated by job (J1). */
export function eventsOf(events: readonly TreeEvent[], makeId: MakeId): NewEvent[] {
  return events.map(({ jobId, owner, type, data, conflated }) => {
    const topics = [jobTopic(jobId), jobsTopic(owner)]
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

export function writeOf(jobId: string, write: Write, expect: number): StateWrite {
  const topic = jobTopic(jobId)
  if (!write) return { topic, expect, value: null }
  const { state, deadline } = write
  const { owner, status } = state.job
  return { topic, expect, value: encodeState(state), group: jobsTopic(owner), label: status, deadline }
}
