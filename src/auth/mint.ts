import { SignJWT } from 'jose'
import type { Clock } from '../clock.js'
import type { MakeId } from '../ids.js'
import { jobTopic } from '../protocol/topic.js'

export interface JobTokenRequest {
  readonly key: Uint8Array
  readonly clock: Clock
  readonly makeId: MakeId
  readonly namespace: string
  readonly jobId: string
  readonly lifetimeMs: number
}

/** A token for reading one job and nothing else (A4). */
export function mintJobToken({ key, clock, makeId, namespace, jobId, lifetimeMs }: JobTokenRequest): Promise<string> {
  const now = Math.floor(clock.now() / 1000)
  return new SignJWT({ tidings: { namespace, subscribe: [jobTopic(jobId)] } })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setJti(makeId())
    .setIssuedAt(now)
    .setExpirationTime(now + Math.floor(lifetimeMs / 1000))
    .sign(key)
}
