import type { JobAnswer } from '../protocol/job.js'
import type { Claim } from '../store/store.js'
import type { Item } from './plan.js'

/** `existed`: a job to create that had been created by the same command before. */
export type Answer = JobAnswer & { readonly existed?: boolean }

/** A command that somebody waits for. */
export interface Waiting extends Item {
  readonly claim: Claim
  /** Ends, cancels and renewals do not wait for company. */
  readonly urgent: boolean
  /** Ends are taken over the quota (S4). */
  readonly exempt: boolean
  readonly answered: Promise<Answer>
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

const ends: ReadonlySet<string> = new Set(['complete', 'fail', 'cancel', 'deadline', 'cascaded', 'remove'])
const hasty: ReadonlySet<string> = new Set([...ends, 'renew', 'flush'])

/** `settled` is called before anybody hears the answer. */
export function waitingFor(item: Item, claim: Claim, settled: () => void): Waiting {
  let resolve!: (answer: Answer) => void
  let reject!: (error: unknown) => void
  const answered = new Promise<Answer>((yes, no) => {
    resolve = yes
    reject = no
  })
  const { action } = item.command
  return {
    ...item,
    claim,
    urgent: hasty.has(action),
    exempt: ends.has(action),
    answered,
    resolve(answer) {
      settled()
      resolve(answer)
    },
    reject(error) {
      settled()
      reject(error)
    },
  }
}
