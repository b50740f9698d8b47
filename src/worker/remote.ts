import { TidingsError } from '../errors.js'
import type { Job, JobAnswer, JobCommand, JobPage } from '../protocol/job.js'
import { paths } from '../protocol/names.js'
import type { JobsPort } from '../work/port.js'
import type { Requests } from './requests.js'

/** Jobs of a hub that is reached over HTTP (spec §4). */
export function remoteJobs(requests: Requests, follow: JobsPort['follow']): JobsPort {
  return {
    async create(newJob) {
      const { body } = await requests.send('POST', paths.jobs, newJob)
      return body as { job: Job; token?: string }
    },
    async command(jobId, { action, ...rest }: JobCommand) {
      const [method, path] =
        action === 'update' ? ['PATCH', paths.job(jobId)] : ['POST', paths.jobAction(jobId, action)]
      return (await requests.send(method, path, rest)).body as JobAnswer
    },
    async snapshot(jobId) {
      try {
        return (await requests.send('GET', paths.job(jobId))).body as Job
      } catch (error) {
        if (error instanceof TidingsError && error.code === 'not_found') return null
        throw error
      }
    },
    async list({ owner, status, after, limit }) {
      const query = new URLSearchParams()
      for (const [name, value] of Object.entries({ owner, status, after, limit })) {
        if (value !== undefined) query.set(name, String(value))
      }
      return (await requests.send('GET', `${paths.jobs}?${query}`)).body as JobPage
    },
    follow,
  }
}
