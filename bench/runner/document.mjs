import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chartOf, tableOf } from './figures.mjs'

/** Scenarios whose chart is in the document; the others are in their tables alone. */
const charted = ['fan-1000', 'fan-1000-bursts', 'fan-10000', 'memory', 'topics-1000', 'posts']

/** Writes figures.md and its charts below `docs`. */
export function writeDocument(docs, machine, results) {
  const { date, node, cpu, minutes } = machine
  const rounds = results.flatMap(({ rows }) => rows.map((row) => row.rounds.length))
  const sections = results.map((one) => {
    if (!charted.includes(one.key)) return tableOf(one)
    writeFileSync(join(docs, 'images', `figures-${one.key}.svg`), chartOf(one))
    return `${tableOf(one)}\n![${one.name}](images/figures-${one.key}.svg)\n`
  })
  const text = `# Figures

Measured on ${date} with Node ${node} on ${cpu}: the server on one core, the load client on the other. Medians of ${Math.min(...rounds)}
to ${Math.max(...rounds)} rounds, servers in turn; the spread is the least and the most of them. The hub is the whole hub: signed in by JWT, limited, with figures, and with its log behind it. The control, bare \`node:http\` with one shared Buffer and one
write a tick, has nothing of this, and so its figures are what Node itself costs. Machines differ: the ratios are what
carries over.

\`npm run build && node bench/run.mjs --document\` measures everything again and writes this page; it took ${minutes} minutes.
How each figure is measured, and what makes it comparable: [bench/README.md](../bench/README.md). What was done about them,
and what did not help: [the fast path](decisions/0009-the-fast-path.md).

${sections.join('\n')}`
  writeFileSync(join(docs, 'figures.md'), text)
}
