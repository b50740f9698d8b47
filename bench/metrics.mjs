// What counting costs on the way of a delivery: the hub's own code, with its counters and with the same code without them.
import { Activity } from '../dist/hub/activity.js'
import { Figures } from '../dist/hub/figures/figures.js'
import { Histogram } from '../dist/hub/figures/histogram.js'

const deliveries = 20_000_000
const rounds = Number(process.env.ROUNDS ?? 7)

/** The best of some rounds, in ns a step: what else ran on the machine only adds. */
function measure(step) {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const from = process.hrtime.bigint()
    step(deliveries)
    best = Math.min(best, Number(process.hrtime.bigint() - from) / deliveries)
  }
  return best
}

const figures = new Figures()
const { counters } = figures
const readers = Array.from({ length: 10_000 }, () => new Activity(0))
const types = Array.from({ length: 8 }, () => Buffer.from('page.crawled').toString())
let [type] = types
/** Read at the end, so that no loop is left out. */
let sink = 0

const control = measure((count) => {
  for (let index = 0; index < count; index++) sink ^= readers[index % readers.length].openedMs + index
})
/** All that Connection and SocketOutlet count for one delivery. */
const counted = measure((count) => {
  for (let index = 0; index < count; index++) {
    const reader = readers[index % readers.length]
    sink ^= reader.openedMs + index
    counters.delivered++
    // An event has a type of its own, read from what was published, and goes to all readers.
    if (index % readers.length === 0) type = types[(index / readers.length) & 7]
    reader.sentEvent(index >> 10, type)
    counters.streamBytes += 300
  }
})
const histogram = new Histogram()
/** Once an event and node, whatever the number of readers. */
const observed = measure((count) => {
  for (let index = 0; index < count; index++) histogram.observe((index & 1023) / 100_000, 10_000)
})

console.log(
  JSON.stringify({
    controlNs: round(control),
    countedNs: round(counted),
    costOfADeliveryNs: round(counted - control),
    histogramOfAnEventNs: round(observed),
  }),
)

function round(ns) {
  return Math.round(ns * 100) / 100
}
if (Number.isNaN(sink)) process.exitCode = 1
