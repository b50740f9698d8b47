import type { Target } from '../target.js'
import { checkCors } from './cors.js'
import { checkCredential } from './credential.js'
import type { Line } from './exchange.js'
import { type Finding, bad } from './finding.js'
import { checkReach } from './reach.js'
import { checkStore } from './store-policy.js'
import { checkIdle, checkPoll, checkRoundTrip, checkStream } from './streaming.js'

export interface ExaminationOptions {
  /** The page from which browsers come. */
  readonly origin?: string | undefined
  /** For how long a stream is watched for being cut. */
  readonly idleMs: number
  readonly insecure: boolean
  /** Hears of each finding as it is made. */
  readonly found: (finding: Finding) => void
  /** How far the watching of the silent stream is, 0 to 1. */
  readonly watching: (share: number) => void
}

/** A held poll and a silent stream show the same cut: half a minute of both would tell no more. */
const longestPollMs = 5_000

/** Looks at what stands between here and a hub (O5): from the outside, with the rights of one credential. */
export async function examine(target: Target, options: ExaminationOptions): Promise<readonly Finding[]> {
  const { origin, idleMs, insecure, found, watching } = options
  const line: Line = { headers: target.headers, insecure }
  const all: Finding[] = []
  const tell = (findings: readonly Finding[]): void => {
    all.push(...findings)
    for (const finding of findings) found(finding)
  }
  const attempt = async (code: string, look: () => Promise<readonly Finding[]>): Promise<void> => {
    try {
      tell(await look())
    } catch (error) {
      tell([bad(code, `The connection broke: ${(error as Error).message}.`, 'Look at the error log of the proxy.')])
    }
  }

  const { findings, hub } = await checkReach(line, target)
  tell(findings)
  if (!hub) return all
  await attempt('cors', () => checkCors(line, target, origin))
  const { findings: signIn, diagnosis } = await checkCredential(line, target)
  tell(signIn)
  if (!diagnosis) return all
  tell(checkStore(diagnosis))
  const { user } = diagnosis.principal
  const { findings: begin, stream } = await checkStream(line, target, user)
  tell(begin)
  try {
    if (stream) await attempt('round-trip', () => checkRoundTrip(line, target, user, stream))
    const waitMs = Math.min(idleMs, diagnosis.pollWaitMs, longestPollMs)
    const poll = attempt('poll', async () => [await checkPoll(line, target, user, waitMs)])
    if (stream) {
      await attempt('idle', async () => {
        const finding = await checkIdle(stream, idleMs, (ageMs) => watching(ageMs / idleMs))
        await poll
        return [finding]
      })
    }
    await poll
  } finally {
    stream?.close()
  }
  return all
}
