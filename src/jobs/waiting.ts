import type { JobAnswer } from '../protocol/job.js'
import type { Claim } from '../store/store.js'
import type { Item } from './plan.js'
import type { TreeCommand } from './tree.js'

/** `existed`: a job to create that had been created by the same command before. */
export type Answer = JobAnswer & { readonly existed?: boolean }

const ends: ReadonlySet<string> = new Set(['complete', 'fail', 'cancel', 'deadline', 'cascaded', 'remove'])
/** A renewal keeps nothing more than there was: a namespace that is full must not take the lives of its healthy jobs. */
const exempt: ReadonlySet<string> = new Set([...ends, 'renew'])
const hasty: ReadonlySet<string> = new Set([...ends, 'renew', 'flush'])

const smallSize = 256
/** What only counts is small, and most of what comes: it is spared the look. */
function carriesText(command: TreeCommand): boolean {
  const { action } = command
  if (action === 'update') return Boolean(command.publish ?? command.log ?? command.set)
  return action === 'create' || action === 'complete' || action === 'fail'
}

/** A command that somebody waits for. */
export class Waiting implements Item {
  readonly jobId: string
  readonly command: TreeCommand
  readonly atVersion: number | undefined
  readonly claim: Claim
  readonly answered: Promise<Answer>
  readonly #all: Map<string, Waiting>
  #size: number | undefined
  #resolve!: (answer: Answer) => void
  #reject!: (error: unknown) => void

  /** Is in `all`, by its claim, until it is answered. */
  constructor({ jobId, command, atVersion }: Item, claim: Claim, all: Map<string, Waiting>) {
    this.jobId = jobId
    this.command = command
    this.atVersion = atVersion
    this.claim = claim
    this.#all = all
    this.answered = new Promise<Answer>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    all.set(claim.id, this)
  }

  /** About how many characters it brings. */
  get size(): number {
    const { command } = this
    this.#size ??= carriesText(command) ? JSON.stringify(command).length : smallSize
    return this.#size
  }

  /** Ends, cancels and renewals do not wait for company. */
  get urgent(): boolean {
    return hasty.has(this.command.action)
  }

  /** Ends and renewals are taken over the quota (S4). */
  get exempt(): boolean {
    return exempt.has(this.command.action)
  }

  resolve(answer: Answer): void {
    this.#all.delete(this.claim.id)
    this.#resolve(answer)
  }

  reject(error: unknown): void {
    this.#all.delete(this.claim.id)
    this.#reject(error)
  }
}
