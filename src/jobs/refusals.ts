import { TidingsError } from '../errors.js'
import { jobLimits } from '../protocol/job-input.js'

export const notFound = (jobId: string): TidingsError =>
  new TidingsError(
    'not_found',
    `There is no job ${JSON.stringify(jobId.slice(0, 128))}: it never was, or its time after its end is over.`,
    { field: 'id' },
  )

export const reused = (id: string): TidingsError =>
  new TidingsError('id_reused', `The id of ${id} was used before for something else. Give each command its own id.`, {
    field: 'id',
  })

export const active = (jobId: string): TidingsError =>
  new TidingsError(
    'job_active',
    `The job ${JSON.stringify(jobId)} has not ended. Only an ended job can be run again; cancel it first.`,
    { field: 'id' },
  )

export const cancelling = (jobId: string): TidingsError =>
  new TidingsError(
    'conflict',
    `Jobs below ${JSON.stringify(jobId)} are still being cancelled. It can be taken away afterwards: try again.`,
    { field: 'id' },
  )

export const goneAgain = (jobId: string): TidingsError =>
  new TidingsError(
    'id_reused',
    `The job ${JSON.stringify(jobId)} was created under this id lately and is gone again. Give a new job a new id, or wait until this one is forgotten (five minutes, as a rule).`,
    { field: 'id' },
  )

export const overQuota = (keptBytes: number, quotaBytes: number): TidingsError =>
  new TidingsError(
    'quota',
    `The namespace keeps ${keptBytes} bytes; its quota is ${quotaBytes}. Ends and cancels are still taken.`,
  )

export const overflow = (field: string): TidingsError =>
  new TidingsError(
    'job_invalid',
    `"${field}" would make a counter larger than 2^53 − 1, or give the job more than ${jobLimits.counters} counters.`,
    { field },
  )

const parentInvalid = (why: string): TidingsError =>
  new TidingsError('job_invalid', `"parent" ${why}.`, { field: 'parent' })

/** The same words for a job that is not there and one of somebody else (A3). */
export const noParent = (): TidingsError => parentInvalid('names no job of this owner')
export const parentEnded = (): TidingsError =>
  parentInvalid('has ended, or a job above it has: nothing is counted after an end')
export const tooDeep = (): TidingsError =>
  parentInvalid(`is on level ${jobLimits.levels} of its group already, and there are no more levels`)
export const tooMany = (): TidingsError =>
  parentInvalid(`has ${jobLimits.children} children, the most it may have; group them in further jobs below it`)
