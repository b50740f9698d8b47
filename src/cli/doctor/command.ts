import type { Command } from 'commander'
import { bar, progressLine } from '../bar.js'
import { type Colour, paintFor } from '../colours.js'
import { addCommand } from '../command.js'
import { plain } from '../job-words.js'
import { onOff, text, whole } from '../setting.js'
import { type Flags, readSettings } from '../sources.js'
import { readTarget, target } from '../target.js'
import { examine } from './doctor.js'
import { type Finding, type Level, guide } from './finding.js'

const options = {
  origin: text('--origin <origin>', 'also: whether a page of this origin may call it from a browser'),
  idle: whole('--idle <seconds>', 'watch a silent stream for so long', { fallback: 30, most: 600 }),
  insecure: onOff('--insecure', 'take a certificate that nobody vouches for'),
  json: onOff('--json', 'JSON, for programs'),
} as const

const { url: _url, ...who } = target

/** `tidings doctor <url>` (spec O5). */
export function addDoctorCommand(program: Command): void {
  addCommand(program, {
    usage: 'doctor <url>',
    help: 'find what stands between you and a hub: buffering, compression, cut-offs, lost headers, CORS, clocks, the store',
    settings: who,
    options,
    examples: [
      ['tidings doctor https://example.com/tidings --token "$TOKEN"', 'through every proxy in between, as this person'],
      ['tidings doctor http://127.0.0.1:4000 --user 7 --idle 70', 'longer than the 60 s after which many proxies cut'],
      ['tidings doctor https://example.com/tidings --origin https://app.example.com', 'as a page of another host'],
    ],
    exits: 'of doctor: 0 with nothing bad, though it may warn; 1 where something is bad',
  }).action(async (url: string, flags: Flags) => {
    const { origin, idle = 30, insecure = false, json = false } = readSettings(options, flags, {})
    const hub = readTarget({ ...flags, url }, process.env)
    const progress = progressLine()
    const findings = await examine(hub, {
      origin,
      idleMs: idle * 1_000,
      insecure,
      found(finding) {
        progress.clear()
        if (!json) process.stdout.write(wordsOf(finding))
      },
      watching: (share) => progress.show(`watching a silent stream  ${bar(share)}`),
    })
    progress.clear()
    const isBad = findings.some(({ level }) => level === 'bad')
    if (json) process.stdout.write(`${JSON.stringify({ url: hub.url, ok: !isBad, findings })}\n`)
    else process.stdout.write(`${sumOf(findings)}\n`)
    if (isBad) process.exitCode = 1
  })
}

const marks: Readonly<Record<Level, readonly [Colour, string]>> = {
  ok: ['green', 'ok'],
  note: ['cyan', 'note'],
  warning: ['yellow', 'warning'],
  bad: ['red', 'bad'],
  skipped: ['dim', 'skipped'],
}

/** What a hub or a proxy said must not move the cursor of whoever reads it. */
function wordsOf({ code, level, says, fix = [] }: Finding): string {
  const paint = paintFor(process.stdout)
  const [colour, mark] = marks[level]
  const lines = fix.map((line) => `           ${paint('bold', plain(line))}\n`)
  const see = fix.length > 0 ? `           ${paint('dim', `${guide}#${code}`)}\n` : ''
  return `${paint(colour, mark.padEnd(9))}  ${plain(says)} ${paint('dim', `[${code}]`)}\n${lines.join('')}${see}`
}

function sumOf(findings: readonly Finding[]): string {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length
  return `${count('bad')} bad, ${count('warning')} to mend, ${count('ok')} good, ${count('skipped')} not looked at`
}
