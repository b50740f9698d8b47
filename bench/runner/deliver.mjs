import { cpuSeconds } from './program.mjs'

/**
 * Publishes to open streams and counts what arrives. `lost` and `out of order` must be 0: a server that leaves events out is
 * fast for the wrong reason.
 */
export async function deliver(server, load, { streams, events, burst, intervalMs, topics = 1 }) {
  await load.open(streams)
  await load.idle(300)
  return await deliverTo(server, load, { streams, events, burst, intervalMs, topics })
}

/** The same to streams that are open already. */
export async function deliverTo(server, load, { streams, events, burst, intervalMs, topics = 1 }) {
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
    'out of order': report.outOfOrder,
    'client CPU %': (100 * report.clientCpuMs) / report.ms,
  }
}

/** A scenario of some streams of one topic. */
export const fan = (streams, settings) => ({
  name: `${streams.toLocaleString('en')} streams, ${settings.burst === 1 ? 'single events' : `bursts of ${settings.burst}`}`,
  figure: 'CPU µs a delivery',
  run: (server, load) => deliver(server, load, { streams, ...settings }),
})
