// Fills a hub with people, topics, jobs and slow readers, so that its dashboard has something to show. By itself:
//   node test/dashboard/demo.mjs http://127.0.0.1:4000    against `tidings serve --dev --trusted-proxies 127.0.0.1/32 --public-topics 'report:*'`
import { get } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const names = [
  'ada',
  'björk',
  'chen',
  'dana',
  'emeka',
  'freya',
  'goran',
  'hana',
  'ines',
  'jonas',
  'kofi',
  'lena',
  'mara',
  'nils',
]
const agents = [
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148',
  'reports-service/4.2 (node)',
]
const kinds = ['crawl', 'report', 'video-summary', 'export']
const pages = ['/guide/install', '/guide/auth', '/reference/streams', '/blog/2026/09', '/changelog', '/pricing']

/** Random, but the same each time. */
function seeded(seed) {
  let state = seed
  const next = () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
  return { next, of: (list) => list[Math.floor(next() * list.length)] }
}

/**
 * Until `signal` fires. `readers`: how many streams are open; `perSecond`: events, on average.
 * @param {string} url
 * @param {{ signal: AbortSignal, readers?: number, perSecond?: number, slow?: number, seed?: number }} options
 */
export async function fill(url, { signal, readers = 140, perSecond = 40, slow = 3, seed = 7 }) {
  const random = seeded(seed)
  const person = () => `${random.of(names)}-${1 + Math.floor(random.next() * 6)}`
  const open = new Set()
  let running = true
  signal.addEventListener('abort', () => {
    running = false
    for (const request of open) request.destroy()
  })

  const read = ({ user = person(), topics = [], isSlow = false, isShort = random.next() < 0.15, since = '' } = {}) =>
    new Promise((resolve) => {
      const query = new URLSearchParams({ userId: user, roles: random.of(['ADMIN', 'EDITOR', 'VIEWER']), own: '1' })
      query.set('name', random.of(['web', 'web', 'ios', 'reports']))
      for (const topic of topics) query.append('topic', topic)
      if (since) query.set('since', since)
      const octet = () => 1 + Math.floor(random.next() * 250)
      const headers = { 'User-Agent': random.of(agents), 'X-Forwarded-For': `203.0.113.${octet()}` }
      const request = get(`${url}/events?${query}`, { headers, agent: false }, (response) => {
        resolve()
        if (response.statusCode !== 200) return response.resume()
        response.setEncoding('utf8')
        if (!isSlow) response.on('data', (part) => (since = /^id: (.*)$/m.exec(part)?.[1] ?? since))
        // One that reads nothing does not see its end either: after a while it looks.
        if (isSlow) setTimeout(() => response.resume(), 40_000 + random.next() * 20_000).unref()
        response.once('close', again)
        if (isShort && !isSlow) setTimeout(() => request.destroy(), 5_000 + random.next() * 60_000).unref()
      })
      const again = () => {
        open.delete(request)
        if (running)
          setTimeout(
            () => running && read({ user, isSlow, isShort, topics, since }),
            500 + random.next() * 4_000,
          ).unref()
      }
      open.add(request)
      request.once('error', () => {
        resolve()
        open.delete(request)
      })
    })

  const post = async (path, body, method = 'POST') => {
    const response = await fetch(`${url}${path}${path.includes('?') ? '&' : '?'}userId=backend`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    })
    return response.json()
  }

  for (let at = 0; at < readers; at++)
    await read({ topics: random.next() < 0.4 ? [`report:${1 + Math.floor(random.next() * 20)}`] : [] })
  for (let at = 0; at < slow; at++) await read({ isSlow: true, user: 'archive' })

  const publishing = async () => {
    for (let tick = 0; running; tick++) {
      const wave = 1 + 0.6 * Math.sin(tick / 12) + (tick % 45 === 0 ? 3 : 0)
      const events = Array.from({ length: Math.max(1, Math.round((perSecond * wave) / 4)) }, () =>
        eventOf(random, person),
      )
      await post('/events', events)
      await wait(250)
    }
  }
  const working = async (worker) => {
    while (running) {
      const total = 40 + Math.floor(random.next() * 200)
      const { job } = await post('/jobs', { owner: `user:${person()}`, kind: random.of(kinds), total })
      const end = random.next()
      for (let done = 0; done < total && running; ) {
        const processed = Math.min(total - done, 1 + Math.floor(random.next() * 9))
        done += processed
        const failed = random.next() < 0.04 ? 1 : 0
        const message = `Reading ${random.of(pages)}`
        await post(
          `/jobs/${job.id}`,
          { increment: { processed, ...(failed && { failed }) }, set: { stage: 'pages', message } },
          'PATCH',
        )
        await wait(150 + random.next() * 500)
        if (end > 0.85 && done > total / 2) break
      }
      const error = { code: 'site_down', message: 'The site no longer answers.', retryable: true }
      if (end > 0.93) await post(`/jobs/${job.id}/cancel`, {})
      else if (end > 0.85) await post(`/jobs/${job.id}/fail`, { error })
      else await post(`/jobs/${job.id}/complete`, { result: { pages: total } })
      await wait(1_000 * (1 + worker))
    }
  }
  // More than the buffers of a socket that nobody reads hold.
  const bulky = async () => {
    for (const bulk = 'x'.repeat(60_000); running; await wait(200))
      await post('/events', { to: { users: ['archive'] }, type: 'export.rows', data: { bulk } })
  }
  const mistaken = async () => {
    while (running) {
      await fetch(`${url}/events?topic=job:secret&userId=${person()}`, { signal })
      await fetch(`${url}/events`, { headers: { Authorization: 'Bearer not.a.token' }, signal })
      if (random.next() < 0.3) await fetch(`${url}/events?userId=x&since=never`, { signal })
      await wait(4_000)
    }
  }
  const jobs = Array.from({ length: 5 }, (_, worker) => working(worker))
  await Promise.all([publishing(), bulky(), mistaken(), ...jobs]).catch((error) => {
    if (running) throw error
  })
}

function eventOf(random, person) {
  const kind = random.next()
  if (kind < 0.45) {
    const data = {
      title: random.of(['Report ready', 'New comment', 'Invoice paid', 'Build passed']),
      level: random.of(['info', 'success', 'warning']),
    }
    return { to: { users: [person()] }, type: 'notification', data }
  }
  if (kind < 0.7)
    return {
      topic: `report:${1 + Math.floor(random.next() * 20)}`,
      type: 'report.updated',
      data: { rows: Math.floor(random.next() * 5_000), page: random.of(pages) },
    }
  if (kind < 0.85)
    return {
      to: { roles: [random.of(['ADMIN', 'EDITOR'])] },
      type: 'dashboard.updated',
      data: { widgets: ['sales', 'traffic'], at: random.of(pages) },
    }
  if (kind < 0.97)
    return {
      to: { users: [person()] },
      type: 'cursor.moved',
      priority: 'low',
      data: { x: random.next(), y: random.next() },
    }
  const bulk = 'x'.repeat(12_000)
  return {
    to: { all: true },
    type: 'system.alert',
    priority: 'high',
    data: { severity: 'warning', title: 'Deploying at 14:00', bulk },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stop = new AbortController()
  process.on('SIGINT', () => stop.abort())
  process.on('SIGTERM', () => stop.abort())
  await fill(process.argv[2], { signal: stop.signal })
}
