import { cpuSeconds, residentBytes } from './program.mjs'

/**
 * What is measured. Each takes a server that has just started and a load client aimed at it, and returns figures by name.
 * `lost` and `outOfOrder` must be 0: a server that leaves events out is fast for the wrong reason.
 */
async function deliver(server, load, { streams, events, burst, intervalMs, topics = 1 }) {
  await load.open(streams)
  await load.idle(500)
  const each = events / topics
  const before = cpuSeconds(server.pid)
  const report = await load.expect(each, 90_000, () => server.ask(`publish ${events} ${burst} ${intervalMs} ${topics}`))
  const cpu = cpuSeconds(server.pid) - before
  const wanted = topics === 1 ? each * streams : events
  return {
    'CPU µs a delivery': (cpu * 1e6) / report.received,
    'deliveries/s': report.received / (report.ms / 1000),
    'p50 ms': report.p50,
    'p99 ms': report.p99,
    lost: wanted - report.received,
    outOfOrder: report.outOfOrder,
    'client CPU %': (100 * report.clientCpuMs) / report.ms,
  }
}

const fan = (streams, settings) => ({
  name: `${streams.toLocaleString('en')} streams, ${settings.burst === 1 ? 'single events' : `bursts of ${settings.burst}`}`,
  figure: 'CPU µs a delivery',
  run: (server, load) => deliver(server, load, { streams, ...settings }),
})

export const scenarios = {
  'fan-1000': fan(1_000, { events: 400, burst: 1, intervalMs: 10 }),
  'fan-1000-bursts': fan(1_000, { events: 4_000, burst: 16, intervalMs: 20 }),
  'fan-10000': fan(10_000, { events: 40, burst: 1, intervalMs: 100 }),
  'fan-10000-bursts': fan(10_000, { events: 160, burst: 4, intervalMs: 150 }),
  'latency-1000': {
    name: '1,000 streams, 50 events/s',
    figure: 'p99 ms',
    run: (server, load) => deliver(server, load, { streams: 1_000, events: 250, burst: 1, intervalMs: 20 }),
  },
  'latency-10000': {
    name: '10,000 streams, 1 event/s',
    figure: 'p99 ms',
    run: (server, load) => deliver(server, load, { streams: 10_000, events: 6, burst: 1, intervalMs: 1_000 }),
  },
  'topics-1000': {
    name: '1,000 topics with one reader each, saturated',
    figure: 'deliveries/s',
    ownTopics: true,
    run: (server, load) =>
      deliver(server, load, { streams: 1_000, events: 300_000, burst: 500, intervalMs: 0, topics: 1_000 }),
  },
  memory: {
    name: '10,000 idle streams',
    figure: 'bytes a stream',
    async run(server, load) {
      const before = residentBytes(server.pid)
      const report = await load.open(10_000)
      await load.idle(3_000)
      return {
        'bytes a stream': (residentBytes(server.pid) - before) / 10_000,
        'connects/s': 10_000 / (report.ms / 1000),
        'p99 ms': report.p99,
      }
    },
  },
  connects: {
    name: 'connects, 2,000 in a row, with hello',
    figure: 'connects/s',
    async run(server, load) {
      const reports = []
      for (let round = 0; round < 5; round++) {
        reports.push(await load.open(2_000, { inFlight: 64 }))
        await load.close()
      }
      const best = reports.map(({ ms }) => 2_000 / (ms / 1000)).sort((one, other) => one - other)
      return { 'connects/s': best[2], 'p99 ms': Math.max(...reports.map(({ p99 }) => p99)) }
    },
  },
  posts: {
    name: 'one POST, one delivery',
    figure: 'posts/s',
    only: ({ body }) => body !== '',
    async run(server, load, { poster }) {
      await load.open(1)
      await poster.post(16, 2_000)
      const before = cpuSeconds(server.pid)
      const report = await poster.post(16, 40_000)
      const cpu = cpuSeconds(server.pid) - before
      return {
        'posts/s': report.answers / (report.ms / 1000),
        'CPU µs a post': (cpu * 1e6) / report.answers,
        'p99 ms': report.p99,
        refused: report.statusErrors + report.failed,
      }
    },
  },
  storm: {
    name: '10,000 streams cut at once, each back with 10 missed events',
    figure: 'ms after the last came back',
    only: ({ name }) => name === 'tidings',
    async run(server, load) {
      const spreadMs = 2_000
      await load.open(10_000)
      const [, cursor] = (await server.ask('publish 1 1 0 1')).split(' ')
      await load.close()
      await server.ask('publish 10 10 0 1')
      const report = await load.storm(10, spreadMs, cursor, 60_000)
      return {
        'ms after the last came back': report.ms - spreadMs,
        incomplete: 10_000 - report.complete,
        failed: report.failed + report.statusErrors,
      }
    },
  },
}
