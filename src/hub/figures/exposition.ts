import { type Metric, type Scrape, catalogue } from './catalogue.js'
import { type HistogramData, latencyBounds } from './histogram.js'

/** The media type of Prometheus's text format. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/** The metrics of this node in Prometheus's text format. */
export const exposition = (totals: Scrape): string => catalogue.map((metric) => textOf(metric, totals)).join('')

function textOf(metric: Metric, totals: Scrape): string {
  const { name, help, type } = metric
  const head = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
  if (metric.type === 'histogram') return head + histogramLines(name, metric.read(totals))
  return (
    head +
    metric
      .read(totals)
      .map(({ labels, value }) => `${name}${labelText(labels)} ${value}\n`)
      .join('')
  )
}

function histogramLines(name: string, { counts, sum }: HistogramData): string {
  let total = 0
  const buckets = counts.map((count, index) => {
    total += count
    const bound = latencyBounds[index]
    return `${name}_bucket{le="${bound === undefined ? '+Inf' : bound}"} ${total}\n`
  })
  return `${buckets.join('')}${name}_sum ${sum}\n${name}_count ${total}\n`
}

function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  if (!labels) return ''
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return `{${pairs.join(',')}}`
}

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
