import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { jobPage, jobRow, progressLine } from '#src/cli/job-words.js'
import { watchJob } from '#src/cli/job-watch.js'
import type { Job } from '#src/protocol/job.js'
import { Program, run, type Run, serve } from './program.js'

const running: Program[] = []
let serving: Program
let environment: Record<string, string>
let url: string

beforeAll(async () => {
  const served = await serve(['--dev', '--port', '0', '--store', 'memory'])
  serving = served.program
  url = served.url
  environment = { TIDINGS_URL: url, TIDINGS_USER: '7' }
})
afterAll(() => serving.kill())
afterEach(async () => {
  for (const program of running.splice(0)) await program.kill()
})

const job = (...args: string[]): Promise<Run> => run(['job', ...args], environment)
const started = (...args: string[]): Program => {
  const program = new Program(['job', ...args], environment)
  running.push(program)
  return program
}
const act = async (id: string, action: string, body: object = {}): Promise<void> => {
  const update = action === 'update'
  const response = await fetch(`${url}/jobs/${id}${update ? '' : `/${action}`}?userId=7`, {
    method: update ? 'PATCH' : 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(200)
}

describe('tidings job', () => {
  test('O5: create prints the id, once for an id; show and list tell what there is', async () => {
    const created = await job(
      'create',
      'crawl',
      '--owner',
      'user:7',
      '--id',
      'c1',
      '--total',
      '10',
      '--meta',
      '{"a":1}',
    )
    expect(created).toMatchObject({ code: 0, lines: ['c1'], errors: '' })
    expect(
      await job('create', 'crawl', '--owner', 'user:7', '--id', 'c1', '--total', '10', '--meta', '{"a":1}'),
    ).toMatchObject({ code: 0 })
    const json = await job('create', 'crawl', '--owner', 'user:7', '--attempts', '3', '--json')
    expect(JSON.parse(json.lines[0] as string)).toMatchObject({
      job: { status: 'queued', attempts: 3 },
      token: expect.any(String),
    })
    await act('c1', 'update', { increment: { processed: 4 }, set: { stage: 'pages' } })
    const shown = await job('show', 'c1')
    expect(shown.lines.join('\n')).toMatch(/status +running\nprogress +40 % of 10\ncounters +processed 4\nstage +pages/)
    expect(JSON.parse((await job('show', 'c1', '--json')).lines[0] as string)).toMatchObject({ meta: { a: 1 } })
    const listed = await job('list')
    expect(listed.lines).toHaveLength(2)
    expect(listed.lines[1]).toMatch(/^c1 +running +40 % /)
    expect((await job('list', '--status', 'running', '--json')).lines.map((line) => JSON.parse(line).id)).toEqual([
      'c1',
    ])
    const first = await job('list', '--limit', '1')
    const next = /--after (\S+)/.exec(first.errors)?.[1] as string
    expect((await job('list', '--limit', '1', '--after', next)).lines[0]).toMatch(/^c1 /)
  })

  test('O5: watch shows each step as a line, lines of the log among them, and exits with 0 when it completed', async () => {
    await job('create', 'crawl', '--owner', 'user:7', '--id', 'c2', '--total', '4')
    const watch = started('watch', 'c2')
    await watch.until(({ lines }) => lines.length > 0)
    await act('c2', 'update', { increment: { processed: 1 }, set: { stage: 'pages' } })
    await watch.until(({ lines }) => lines.some((line) => line.includes('25 %')))
    await act('c2', 'update', { log: [{ level: 'warning', message: 'slow \u001b[31mserver' }] })
    await watch.until(({ lines }) => lines.some((line) => line.startsWith('warning')))
    await act('c2', 'complete')
    expect(await watch.ended()).toBe(0)
    expect(watch.lines[0]).toBe('queued  0 %  0 of 4')
    expect(watch.lines).toContain('running  25 %  1 of 4  pages')
    expect(watch.lines).toContain('warning: slow �[31mserver')
    expect(watch.lines.at(-1)).toBe('completed  100 %  1 of 4  pages  completed')
  })

  test('O5: with --json watch gives the job at each change; failed and cancelled exit with 1, also when they had ended', async () => {
    await job('create', 'crawl', '--owner', 'user:7', '--id', 'c3')
    const watch = started('watch', 'c3', '--json')
    await watch.until(({ lines }) => lines.length > 0)
    await act('c3', 'start')
    await act('c3', 'fail', { error: { code: 'x', message: 'It broke.' } })
    expect(await watch.ended()).toBe(1)
    const seen = watch.lines.map((line) => JSON.parse(line) as Job)
    expect(seen[0]?.status).toBe('queued')
    expect(seen.at(-1)).toMatchObject({ status: 'failed', error: { message: 'It broke.' } })
    expect(seen.map(({ version }) => version)).toEqual(seen.map(({ version }) => version).toSorted((a, b) => a - b))
    expect(await job('watch', 'c3')).toMatchObject({ code: 1, lines: ['failed  failed: It broke.'] })
  })

  test('O5: cancel ends a job, once; retry makes a new one', async () => {
    await job('create', 'crawl', '--owner', 'user:7', '--id', 'c4')
    const active = await job('retry', 'c4')
    expect([active.code, active.errors]).toEqual([1, expect.stringContaining('[job_active]')])
    expect(await job('cancel', 'c4')).toMatchObject({ code: 0, lines: ['cancelled'] })
    expect(await job('cancel', 'c4')).toMatchObject({ code: 1, lines: ['it had ended before: cancelled'] })
    expect(await job('retry', 'c4', '--id', 'again')).toMatchObject({ code: 0, lines: ['again'] })
    expect((await job('show', 'again')).lines).toContain('retry of  c4')
  })

  test('O5: run works on a job with a program: its exit code decides; a cancel ends it', async () => {
    for (const id of ['good', 'bad', 'long']) await job('create', 'backup', '--owner', 'user:7', '--id', id)
    const good = await job('run', 'good', '--', process.execPath, '-e', 'console.log(process.env.TIDINGS_JOB)')
    expect(good).toMatchObject({ code: 0, lines: ['good'] })
    expect(good.errors).toContain('job good: completed')
    const bad = await job('run', 'bad', '--', process.execPath, '-e', 'process.exit(3)')
    expect(bad).toMatchObject({ code: 3 })
    expect((await job('show', 'bad')).lines).toContain('error     exit: The program ended with code 3.')
    const long = started('run', 'long', '--', process.execPath, '-e', 'console.log("on");setInterval(() => {}, 1000)')
    await long.until(({ lines }) => lines.includes('on'))
    await job('cancel', 'long')
    expect(await long.ended()).toBe(1)
    expect(long.errors).toContain('job long: cancelled')
  })

  test('O5: run that is ended itself ends its program and the job, and begins no further attempt', async () => {
    const mark =
      "process.on('SIGTERM',()=>{console.log('asked');process.exit(7)});console.log('on '+process.pid);setInterval(()=>{},1000)"
    for (const [id, attempts, status] of [
      ['one', '1', 'failed'],
      ['three', '3', 'queued'],
    ] as const) {
      await job('create', 'backup', '--owner', 'user:7', '--id', id, '--attempts', attempts)
      const program = started('run', id, '--', process.execPath, '-e', mark)
      await program.until(({ lines }) => lines.some((line) => line.startsWith('on ')))
      expect(await program.kill('SIGTERM')).toBe(7)
      expect(program.lines.at(-1)).toBe('asked')
      const pid = Number(program.lines[0]?.slice('on '.length))
      expect(() => process.kill(pid, 0)).toThrow()
      expect(program.errors).toContain(`job ${id}: ${status}`)
      const shown = JSON.parse((await job('show', id, '--json')).lines[0] as string) as Job
      expect(shown).toMatchObject({ status, error: { message: 'The program ended with code 7.' } })
    }
  })

  test('O5: a second signal kills a program that does not heed the first', async () => {
    await job('create', 'backup', '--owner', 'user:7', '--id', 'deaf')
    const deaf = "process.on('SIGHUP',()=>console.log('asked'));console.log('on '+process.pid);setInterval(()=>{},1000)"
    const program = started('run', 'deaf', '--', process.execPath, '-e', deaf)
    await program.until(({ lines }) => lines.length > 0)
    program.signal('SIGHUP')
    await program.until(({ lines }) => lines.includes('asked'))
    expect(await program.kill('SIGTERM')).toBe(1)
    expect(() => process.kill(Number(program.lines[0]?.slice('on '.length)), 0)).toThrow()
  })

  test('O5: run of a job that had ended exits with 1, also when it had completed: the program was not run', async () => {
    await job('create', 'backup', '--owner', 'user:7', '--id', 'over')
    await act('over', 'complete')
    const late = await job('run', 'over', '--', process.execPath, '-e', 'console.log("on")')
    expect(late).toMatchObject({ code: 1, lines: [] })
    expect(late.errors).toContain('job over: completed; the program was not run')
  })

  test('what is wrong is told by name, and ends with 1, or with 2 where it was called wrongly', async () => {
    for (const [args, code, words] of [
      [['show', 'none'], 1, '[not_found]'],
      [['watch', 'none'], 1, '[not_found]'],
      [['create', 'crawl'], 2, '--owner'],
      [['create', 'crawl', '--owner', '7'], 1, '"owner"'],
      [['create', 'crawl', '--owner', 'user:7', '--meta', '{'], 2, '--meta must be JSON'],
      [['create', 'crawl', '--owner', 'user:7', '--total', 'many'], 2, '--total'],
      [['list', '--status', 'odd'], 2, '--status'],
      [['paint'], 2, 'paint'],
    ] as const) {
      const refused = await job(...args)
      expect([args, refused.code, refused.lines]).toEqual([args, code, []])
      expect(refused.errors).toContain(words)
    }
  })
})

describe('in a terminal', () => {
  let shown: Job
  beforeAll(() => {
    shown = {
      id: 'c1',
      kind: 'crawl',
      owner: 'user:7',
      status: 'running',
      counters: { processed: 1_200, failed: 3 },
      total: 2_406,
      percent: 50,
      stage: 'pages',
      message: null,
      current: 'https://example.com/\u0007a',
      attempt: 1,
      attempts: 1,
      version: 2,
      createdAt: 0,
      startedAt: 1,
      endedAt: null,
    }
  })

  test('a bar, what is done, and no control characters of the job’s own', () => {
    expect(progressLine(shown)).toBe(
      '████████████░░░░░░░░░░░░  50 %  1,203 of 2,406 (3 failed)  pages  https://example.com/�a',
    )
    expect(progressLine({ ...shown, percent: null, total: null })).toBe(
      'running  1,203 (3 failed)  pages  https://example.com/�a',
    )
    const queued = {
      ...shown,
      status: 'queued',
      attempt: 2,
      attempts: 3,
      error: { code: 'x', message: 'Down.', retryable: true },
    } as const
    expect(progressLine(queued)).toContain('attempt 2 of 3 after: Down.')
    expect(jobRow(shown)).not.toContain('\u0007')
    expect(jobPage(shown)).toContain('counters  processed 1,200, failed 3')
  })

  test('the bar is drawn over itself and never longer than the line; an end leaves it there', async () => {
    let written = ''
    const screen = { isTerminal: true, columns: 40, write: (text: string) => (written += text) }
    const ended = { ...shown, status: 'completed', percent: 100 } as const
    const hub = { url: 'http://127.0.0.1:9', headers: {}, query: [] }
    expect(await watchJob(hub, ended, { screen, json: false, note: () => {} })).toBe(ended)
    expect(written).toBe('\r\x1b[2K████████████████████████ 100 %  1,203 o\n')
  })
})
