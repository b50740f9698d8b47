import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { curlOf, tokenVariable } from '../../src/dashboard/page/hub/curl.js'
import type { HubEvent } from '../../src/dashboard/page/hub/event.js'
import { curlOfEvent } from '../../src/dashboard/page/views/events/curl.js'

/** What the shell makes of a command: `curl` says its arguments. */
function argumentsOf(command: string): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`
  const said = execFileSync('/bin/sh', ['-c', script], { env: { TIDINGS_TOKEN: 'the-token' }, encoding: 'utf8' })
  return said.split('\0').slice(0, -1)
}

const event: HubEvent = {
  id: 'e',
  type: 'report.updated',
  topic: 'report:9',
  seq: 7,
  timestamp: 1,
  priority: 'high',
  source: 'tidings',
  version: 1,
  data: { text: `it's $(touch /tmp/x) \`id\` "quoted" \\ \n\u0007` },
}

test('T20: a copied command is text to the shell, whatever an event holds, and the token is a variable', () => {
  const args = argumentsOf(curlOfEvent('http://127.0.0.1:4000', event, 'ep.7'))
  expect(args).toEqual([
    '-X',
    'POST',
    'http://127.0.0.1:4000/events',
    '-H',
    'Authorization: Bearer the-token',
    '-H',
    'Content-Type: application/json',
    '--data-raw',
    JSON.stringify({ topic: 'report:9', type: 'report.updated', data: event.data, priority: 'high' }),
  ])
})

test('O1: an event of a job is copied as the stream that shows it, for nobody may publish it', () => {
  const command = curlOfEvent('http://h', { ...event, type: 'job.progress', topic: 'job:1' }, 'ep.7')
  expect(argumentsOf(command)).toEqual([
    '-N',
    'http://h/events?topic=job%3A1&since=ep.6',
    '-H',
    'Authorization: Bearer the-token',
  ])
})

test('O1: a command that reads has no method and no body', () => {
  expect(curlOf({ url: 'http://h/jobs', headers: { Authorization: `Bearer ${tokenVariable}` } })).toBe(
    `curl 'http://h/jobs' \\\n  -H 'Authorization: Bearer '"$TIDINGS_TOKEN"`,
  )
})
