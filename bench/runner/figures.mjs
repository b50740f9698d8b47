/** The middle of some rounds, and how far they lie apart. */
export function median(values) {
  const sorted = [...values].sort((one, other) => one - other)
  return { median: sorted[Math.floor(sorted.length / 2)], least: sorted[0], most: sorted.at(-1) }
}

export function shortNumber(value) {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1_000) return Math.round(value).toLocaleString('en')
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** One table a scenario: a row a server, the median of its rounds with their spread, and the ratio to the control. */
export function tableOf({ name, figure, control, rows }) {
  const base = rows.find((row) => row.server === control)?.figures[figure]?.median
  const others = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))].filter((one) => one !== figure)
  const lines = [
    `## ${name}`,
    '',
    `| server | ${figure} | spread | ÷ ${control} | ${others.join(' | ')} |`,
    `|---|---|---|---|${others.map(() => '---|').join('')}`,
    ...rows.map(({ server, figures }) => {
      const main = figures[figure]
      const ratio = base === undefined ? '–' : (main.median / base).toFixed(2)
      const rest = others.map((one) => shortNumber(figures[one]?.median ?? Number.NaN))
      return `| ${server} | ${shortNumber(main.median)} | ${shortNumber(main.least)}–${shortNumber(main.most)} | ${ratio} | ${rest.join(' | ')} |`
    }),
  ]
  return `${lines.join('\n')}\n`
}

/** Bars of one figure, as SVG without script. */
export function chartOf({ name, figure, rows }) {
  const most = Math.max(...rows.map(({ figures }) => figures[figure].median))
  const height = 28
  const bars = rows.map(({ server, figures }, index) => {
    const { median: value } = figures[figure]
    const y = 48 + index * height
    const width = Math.max(1, (value / most) * 380)
    return `<text x="190" y="${y + 15}" text-anchor="end">${escape(server)}</text><rect x="200" y="${y}" width="${width.toFixed(1)}" height="20" rx="3" fill="${server === 'tidings' ? '#0f766e' : '#94a3b8'}"/><text x="${(206 + width).toFixed(1)}" y="${y + 15}">${shortNumber(value)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="680" height="${60 + rows.length * height}" font-family="system-ui, sans-serif" font-size="13" fill="#334155"><rect width="100%" height="100%" fill="#fff"/><text x="16" y="26" font-size="15" font-weight="600">${escape(name)}: ${escape(figure)}</text>${bars.join('')}</svg>\n`
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
