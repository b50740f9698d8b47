import { expect, test } from 'vitest'
import { connectJobs } from '#src/worker/index.js'

/** A hub that answers whoever has the token `good`, those that it refuses one after another. */
function hubFor(good: string) {
  let refusals = 0
  const fetch = async (_: unknown, { headers }: RequestInit = {}): Promise<Response> => {
    if (new Headers(headers).get('authorization') === `Bearer ${good}`) return Response.json({ jobs: [] })
    await new Promise((resolve) => setTimeout(resolve, 5 * refusals++))
    return Response.json({ code: 'unauthorized', detail: 'Who is it?' }, { status: 401 })
  }
  return fetch as typeof globalThis.fetch
}

test('A2: requests that are refused together ask for one new token, and all take it', async () => {
  const asked: boolean[] = []
  const getToken = async ({ refresh }: { refresh: boolean }): Promise<string> => {
    asked.push(refresh)
    return refresh ? 'new' : 'old'
  }
  const jobs = connectJobs({ url: 'http://hub.test', getToken, fetch: hubFor('new') })
  const pages = await Promise.all(Array.from({ length: 20 }, () => jobs.list({})))
  expect(pages).toHaveLength(20)
  expect(asked).toEqual([false, true])
})

test('A2: a new token that is refused too ends the request with what the hub said', async () => {
  const jobs = connectJobs({ url: 'http://hub.test', getToken: () => 'old', fetch: hubFor('new') })
  await expect(jobs.list({})).rejects.toMatchObject({ code: 'unauthorized', message: 'Who is it?' })
})

test('A2: a token that cannot be had is asked for again', async () => {
  let tries = 0
  const getToken = (): string => {
    if (tries++ < 2) throw new Error('The sign-in is away.')
    return 'new'
  }
  const jobs = connectJobs({ url: 'http://hub.test', getToken, fetch: hubFor('new') })
  await expect(jobs.list({})).resolves.toMatchObject({ jobs: [] })
  expect(tries).toBe(3)
})
