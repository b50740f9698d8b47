import type { Incoming } from '../../auth/incoming.js'
import type { Principal } from '../../auth/principal.js'
import { TidingsError } from '../../errors.js'
import { checkEventId } from '../../protocol/event.js'
import { type Job, type JobAction, type JobStatus, type NewJob, jobStatuses } from '../../protocol/job.js'
import { checkRetry } from '../../protocol/job-input.js'
import { checkId, jobTopic, jobsTopic, userTopic } from '../../protocol/topic.js'
import type { Access } from '../access.js'
import { type Answer, json, noContent } from '../answer.js'
import { readObject } from '../body.js'
import { pageOf } from '../page-query.js'
import type { HttpParts } from '../parts.js'

/** What `POST /jobs/{id}/{action}` knows beside `retry`, which makes another job. */
export const jobActions = ['start', 'renew', 'complete', 'fail', 'cancel'] as const

/** `POST /jobs`: 201 with the job and a token for watching it, 200 for an id that is known. It writes its parent too (J9). */
export async function postJob(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const principal = await parts.authenticate(request, 'jobCommands')
  const body = await readObject(parts, request, principal)
  const id = body.id === undefined ? parts.core.makeId() : checkId(body.id, 'id')
  const above = body.parent == null ? [] : [jobTopic(checkId(body.parent, 'parent'))]
  await access.requirePublish(principal, [jobTopic(id), ...above], 'job')
  return await madeJob(parts, principal, await parts.jobs.create(principal.namespace, { ...body, id } as NewJob))
}

/** `POST /jobs/{id}/retry`: the same answers; like creating, it takes a grant to publish, for the new job and its parent too. */
export async function retryJob(parts: HttpParts, access: Access, request: Incoming, jobId: string): Promise<Answer> {
  const principal = await parts.authenticate(request, 'jobCommands')
  await access.requireCommand(principal, checkId(jobId, 'id'), 'retry')
  const { id = parts.core.makeId(), ...rest } = checkRetry(await readObject(parts, request, principal, true))
  const parent = (await parts.jobs.snapshot(principal.namespace, jobId))?.parent
  await access.requirePublish(principal, [jobTopic(id), ...(parent === undefined ? [] : [jobTopic(parent)])], 'job')
  return await madeJob(parts, principal, await parts.jobs.retry(principal.namespace, jobId, { id, ...rest }))
}

async function madeJob(
  parts: HttpParts,
  { namespace }: Principal,
  { job, created }: { readonly job: Job; readonly created: boolean },
): Promise<Answer> {
  const { token } = await parts.mint.forJob(namespace, job.id)
  return json({ job, token }, created ? 201 : 200)
}

/** Stands for the jobs of everybody in `?owner=`. */
const everybody = '*'

/** `GET /jobs?owner=&status=&after=&limit=`: newest first. Without `owner`: the caller's own; `*`, for an admin: all. */
export async function getJobs(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const principal = await parts.authenticate(request)
  const query = request.query
  const owner = query.get('owner') ?? (principal.userId === undefined ? null : userTopic(principal.userId))
  const whose = await listable(access, principal, owner)
  const status = query.get('status')
  if (status !== null && !jobStatuses.includes(status as JobStatus)) {
    throw new TidingsError('query_invalid', `"status" must be one of ${jobStatuses.join(', ')}.`, { field: 'status' })
  }
  const page = await parts.jobs.list(principal.namespace, {
    ...whose,
    ...(status !== null && { status: status as JobStatus }),
    ...pageOf(query),
  })
  return json(page)
}

async function listable(
  access: Access,
  principal: Principal,
  owner: string | null,
): Promise<{ readonly owner?: string }> {
  if (owner === everybody) {
    await access.requireAdmin(principal)
    return {}
  }
  if (owner === null || !owner.startsWith('user:')) {
    throw new TidingsError('query_invalid', '"owner" must be "user:<id>".', { field: 'owner' })
  }
  checkId(owner.slice('user:'.length), 'owner')
  await access.requireSubscribe(principal, jobsTopic(owner))
  return { owner }
}

export async function getJob(parts: HttpParts, access: Access, request: Incoming, id: string): Promise<Answer> {
  const principal = await parts.authenticate(request)
  return json(await access.readableJob(principal, checkId(id, 'id')))
}

/** `PATCH /jobs/{id}` and `POST /jobs/{id}/{action}`: one command. */
export async function commandJob(
  parts: HttpParts,
  access: Access,
  request: Incoming,
  id: string,
  action: (typeof jobActions)[number] | 'update',
): Promise<Answer> {
  const principal = await parts.authenticate(request, 'jobCommands')
  checkId(id, 'id')
  await access.requireCommand(principal, id, action)
  const body = await readObject(parts, request, principal, action !== 'update')
  return json(await parts.jobs.command(principal.namespace, id, commandOf(parts, action, body)))
}

function commandOf(parts: HttpParts, action: JobAction['action'], body: Record<string, unknown>) {
  const { id, attempt, ...rest } = body
  const commandId = id === undefined ? parts.core.makeId() : checkEventId(id, 'id')
  if (attempt !== undefined && !(Number.isSafeInteger(attempt) && (attempt as number) >= 1)) {
    throw new TidingsError('job_invalid', '"attempt" must be a whole number of at least 1.', { field: 'attempt' })
  }
  return { ...rest, action, id: commandId, ...(attempt !== undefined && { attempt: attempt as number }) } as Parameters<
    HttpParts['jobs']['command']
  >[2]
}

/** `DELETE /jobs/{id}`: the job and all it left behind, at once. */
export async function deleteJob(parts: HttpParts, access: Access, request: Incoming, id: string): Promise<Answer> {
  const principal: Principal = await parts.authenticate(request, 'jobCommands')
  await access.requireCommand(principal, checkId(id, 'id'), 'delete')
  await parts.jobs.remove(principal.namespace, id)
  return noContent
}
