import { TidingsError } from '../errors.js'
import type { Job, JobAnswer, JobCommand, JobPage } from '../protocol/job.js'
import { paths } from '../protocol/names.js'
import type { JobsPort, MadeJob } from '../work/port.js'
import type { Requests } from './requests.js'

/** Jobs of a hub that is reached over HTTP (spec §4). */
export function remoteJobs(requests: Requests, follow: JobsPort['follow']): JobsPort {
  return {
    remote: true,
    create: async (newJob) => (await requests.send('POST', paths.jobs, newJob)) as MadeJob,
    retry: async (jobId, id) => (await requests.send('POST', paths.jobAction(jobId, 'retry'), { id })) as MadeJob,
    async command(jobId, { action, ...rest }: JobCommand, { tryMs } = {}) {
      const [method, path] =
        action === 'update' ? ['PATCH', paths.job(jobId)] : ['POST', paths.jobAction(jobId, action)]
      return (await requests.send(method, path, rest, tryMs)) as JobAnswer
    },
    async snapshot(jobId) {
      try {
        return (await requests.send('GET', paths.job(jobId))) as Job
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
      return (await requests.send('GET', `${paths.jobs}?${query}`)) as JobPage
    },
    follow,
  }
}
