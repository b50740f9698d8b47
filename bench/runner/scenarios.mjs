import { deliver, deliverTo, fan } from './deliver.mjs'
import { cpuSeconds, residentBytes } from './program.mjs'

/**
 * What is measured. Each takes a server that has just started and a load client aimed at it, and returns figures by name.
 * `role` says which servers take part (default `fan`), `withPeers` whether peers do, `control` what the others are divided
 * by, `highIsGood` how to read it, `cores` what the server may use (default: the first).
 */
export const scenarios = {
  'fan-1000': { ...fan(1_000, { events: 400, burst: 1, intervalMs: 8 }), withPeers: true },
  'fan-1000-bursts': { ...fan(1_000, { events: 4_000, burst: 16, intervalMs: 16 }), withPeers: true },
  'fan-10000': { ...fan(10_000, { events: 40, burst: 1, intervalMs: 80 }), withPeers: true },
  'fan-10000-bursts': { ...fan(10_000, { events: 160, burst: 4, intervalMs: 100 }), withPeers: true },
  'fan-15000': {
    ...fan(15_000, { events: 30, burst: 1, intervalMs: 120 }),
    async run(server, load) {
      const settings = { streams: 15_000, events: 30, burst: 1, intervalMs: 120 }
      const { bytes } = await openMeasured(server, load, 15_000)
      return { ...(await deliverTo(server, load, settings)), 'bytes a stream': bytes }
    },
  },
  'latency-1000': {
    name: '1,000 streams, 50 events/s',
    figure: 'p99 ms',
    withPeers: true,
    run: (server, load) => deliver(server, load, { streams: 1_000, events: 150, burst: 1, intervalMs: 20 }),
  },
  'latency-10000': {
    name: '10,000 streams, 1 event/s',
    figure: 'p99 ms',
    withPeers: true,
    run: (server, load) => deliver(server, load, { streams: 10_000, events: 4, burst: 1, intervalMs: 1_000 }),
  },
  'topics-1000': {
    name: '1,000 topics with one reader each, saturated',
    figure: 'CPU µs a delivery',
    ownTopics: true,
    withPeers: true,
    run: (server, load) =>
      deliver(server, load, { streams: 1_000, events: 200_000, burst: 500, intervalMs: 0, topics: 1_000 }),
  },
  'long-log': {
    name: '1,000 topics saturated, with an empty log, and beside 100,000 idle topics and a full log',
    figure: 'CPU µs a delivery',
    role: 'log',
    control: 'tidings',
    ownTopics: true,
    run: (server, load) =>
      deliver(server, load, { streams: 1_000, events: 100_000, burst: 500, intervalMs: 0, topics: 1_000 }),
  },
  posts: {
    name: 'one POST, one delivery',
    figure: 'CPU µs a post',
    withPeers: true,
    only: ({ body }) => body !== '',
    async run(server, load, { poster }) {
      await load.open(1)
      await load.expect(5_000, 30_000, () => poster.post(16, 5_000))
      const before = cpuSeconds(server.pid)
      const { published: report, received } = await load.expect(40_000, 60_000, () => poster.post(16, 40_000))
      const cpu = cpuSeconds(server.pid) - before
      return {
        'CPU µs a post': (cpu * 1e6) / report.answers,
        'posts/s': report.answers / (report.ms / 1000),
        'p99 ms': report.p99,
        refused: report.statusErrors + report.failed,
        lost: 40_000 - received,
      }
    },
  },
  memory: {
    name: '10,000 idle streams',
    figure: 'bytes a stream',
    withPeers: true,
    async run(server, load) {
      const { bytes, report } = await openMeasured(server, load, 10_000)
      return { 'bytes a stream': bytes, 'connects/s': 10_000 / (report.ms / 1000), 'p99 ms': report.p99 }
    },
  },
  connects: {
    name: 'connects, 2,000 in a row, with hello',
    figure: 'CPU µs a connect',
    async run(server, load) {
      await load.open(2_000, { inFlight: 64 })
      await load.close()
      const before = cpuSeconds(server.pid)
      const reports = []
      for (let round = 0; round < 4; round++) {
        reports.push(await load.open(2_000, { inFlight: 64 }))
        await load.close()
      }
      const cpu = cpuSeconds(server.pid) - before
      const rates = reports.map(({ ms }) => 2_000 / (ms / 1000)).sort((one, other) => one - other)
      return { 'CPU µs a connect': (cpu * 1e6) / 8_000, 'connects/s': rates[2] }
    },
  },
  'connects-busy': {
    name: 'request to hello with 10,000 streams open, 200 connects a second',
    figure: 'p99 ms',
    async run(_server, load, { second }) {
      await load.open(10_000)
      const report = await second.open(400, { perSecond: 200 })
      return { 'p99 ms': report.p99, 'p50 ms': report.p50, failed: report.failed + report.statusErrors }
    },
  },
  polls: {
    name: '1,000 long-pollers and 1,000 streams, 1 event/s each',
    figure: 'CPU µs a delivery by poll',
    role: 'polls',
    async run(server, load, { second }) {
      const settings = { streams: 1_000, events: 10, burst: 1, intervalMs: 1_000 }
      const streams = await deliver(server, load, settings)
      await load.close()
      second.asPolls('&wait=20')
      await second.open(1_000)
      await second.idle(300)
      const polls = await deliverTo(server, second, settings)
      return {
        'CPU µs a delivery by poll': polls['CPU µs a delivery'],
        'by stream': streams['CPU µs a delivery'],
        'polls ÷ streams': polls['CPU µs a delivery'] / streams['CPU µs a delivery'],
        lost: polls.lost + streams.lost,
      }
    },
  },
  storm: {
    name: '10,000 streams cut at once, each back within 2 s with 10 missed events',
    figure: 'ms after the last came back',
    role: 'hub',
    async run(server, load) {
      const spreadMs = 2_000
      await load.open(10_000)
      const [, cursor] = (await server.ask('publish 1 1 0 1')).split(' ')
      await load.close()
      await server.ask('publish 10 10 0 1')
      const before = cpuSeconds(server.pid)
      const report = await load.storm(10, spreadMs, cursor, 60_000)
      return {
        'ms after the last came back': report.ms - spreadMs,
        'CPU µs a stream': ((cpuSeconds(server.pid) - before) * 1e6) / 10_000,
        incomplete: 10_000 - report.complete,
        failed: report.failed + report.statusErrors,
      }
    },
  },
  durable: {
    name: 'acknowledged after COMMIT with synchronous=FULL, 64 publishers (rows: 64 a transaction)',
    figure: 'events/s',
    role: 'durable',
    control: 'rows in SQLite',
    highIsGood: true,
    cores: '0,1',
    async run(server, _load, { poster }) {
      await server.ask('durable 6400 64')
      const before = cpuSeconds(server.pid)
      const [, ms] = (await server.ask('durable 32000 64')).split(' ')
      const figures = {
        'events/s': 32_000 / (Number(ms) / 1000),
        'CPU µs an event': ((cpuSeconds(server.pid) - before) * 1e6) / 32_000,
      }
      if (!poster) return figures
      await poster.post(64, 3_000)
      const report = await poster.post(64, 16_000)
      return { ...figures, 'by POST/s': report.answers / (report.ms / 1000), refused: report.statusErrors }
    },
  },
  'catch-up': {
    name: '100,000 events read again from SQLite, page by page',
    figure: 'events/s',
    role: 'durable',
    control: 'rows in SQLite',
    highIsGood: true,
    cores: '0,1',
    async run(server) {
      await server.ask('catchup 20000')
      const before = await server.ask('catchup 100000')
      return { 'events/s': 100_000 / (Number(before.split(' ')[1]) / 1000) }
    },
  },
}

/** Opens streams and says what each has added to what is resident, after a first few that everything is made for. */
async function openMeasured(server, load, streams) {
  await load.open(500)
  await load.close()
  await load.idle(300)
  const before = residentBytes(server.pid)
  const report = await load.open(streams)
  await load.idle(1_500)
  return { bytes: (residentBytes(server.pid) - before) / streams, report }
}
