import type { JobAnswer } from '../protocol/job.js'
import type { Claim } from '../store/store.js'
import type { Command } from './job.js'

/** A command that somebody waits for. */
export interface Waiting {
  readonly command: Command
  readonly claim: Claim
  /** Ends, cancels and renewals do not wait for company. */
  readonly urgent: boolean
  /** Ends are taken over the quota (S4). */
  readonly exempt: boolean
  readonly answered: Promise<JobAnswer>
  readonly resolve: (answer: JobAnswer) => void
  readonly reject: (error: unknown) => void
}

const ends: ReadonlySet<string> = new Set(['complete', 'fail', 'cancel'])
const hasty: ReadonlySet<string> = new Set([...ends, 'renew', 'flush'])

export function waitingFor(command: Command, claim: Claim): Waiting {
  let resolve!: (answer: JobAnswer) => void
  let reject!: (error: unknown) => void
  const answered = new Promise<JobAnswer>((yes, no) => {
    resolve = yes
    reject = no
  })
  return {
    command,
    claim,
    urgent: hasty.has(command.action),
    exempt: ends.has(command.action),
    answered,
    resolve,
    reject,
  }
}
