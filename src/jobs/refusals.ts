import { TidingsError } from '../errors.js'

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

export const overQuota = (keptBytes: number, quotaBytes: number): TidingsError =>
  new TidingsError(
    'quota',
    `The namespace keeps ${keptBytes} bytes; its quota is ${quotaBytes}. Ends and cancels are still taken.`,
  )
