// Draws docs/reference/metrics.md from the catalogue. With --print it only prints.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { catalogue } from '../dist/hub/figures/catalogue.js'
import { latencyBounds } from '../dist/hub/figures/histogram.js'

const text = [
  '# Metrics',
  '',
  'Drawn from the code by `npm run docs`; a test keeps it current. What to do with them: [the guide](../guides/operating.md).',
  '',
  '| metric | type | labels | |',
  '| --- | --- | --- | --- |',
  ...catalogue.map(
    ({ name, type, labels = [], help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ') || '–'} | ${help} |`,
  ),
  '',
  `Buckets of histograms, in seconds: ${latencyBounds.join(', ')}.`,
  '',
].join('\n')

if (process.argv[2] === '--print') process.stdout.write(text)
else writeFileSync(fileURLToPath(new URL('../docs/reference/metrics.md', import.meta.url)), text)
