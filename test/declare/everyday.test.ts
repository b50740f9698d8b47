import { expect, expectTypeOf, onTestFinished, test } from 'vitest'
import {
  createHub,
  custom,
  dashboardUpdated,
  notification,
  reportUpdated,
  systemAlert,
  userUpdated,
} from '#src/index.js'

test('E3: builders give the everyday events their exact shapes', () => {
  expect(notification({ title: 'Report ready', level: 'success', url: '/reports/9', persistent: true })).toEqual({
    type: 'notification',
    data: { title: 'Report ready', level: 'success', url: '/reports/9', persistent: true },
  })
  expect(notification({ title: 'Hi', message: 'there' })).toEqual({
    type: 'notification',
    data: { title: 'Hi', message: 'there' },
  })
  expect(systemAlert({ title: 'Disk 95 % full', severity: 'critical' })).toEqual({
    type: 'system.alert',
    priority: 'critical',
    data: { title: 'Disk 95 % full', severity: 'critical' },
  })
  expect(systemAlert({ title: 'a', severity: 'warning' }).priority).toBe('high')
  expect(systemAlert({ title: 'a', severity: 'info' }).priority).toBe('normal')
  expect(dashboardUpdated({ users: 3 })).toEqual({ type: 'dashboard.updated', data: { users: 3 } })
  expect(reportUpdated({ rows: 120 })).toEqual({ type: 'report.updated', data: { rows: 120 } })
  expect(userUpdated({ roles: ['ADMIN'] })).toEqual({ type: 'user.updated', data: { roles: ['ADMIN'] } })
  expect(custom('page.crawled', { url: 'a' })).toEqual({ type: 'page.crawled', data: { url: 'a' } })
  expectTypeOf(custom('page.crawled', 1).type).toEqualTypeOf<'page.crawled'>()
  expectTypeOf(notification({ title: 'Hi' }).type).toEqualTypeOf<'notification'>()
})

test('E3: they go into a publish beside a topic', async () => {
  const hub = await createHub({ authenticate: () => null })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  await hub.publish({ to: { roles: ['ADMIN'] }, ...systemAlert({ title: 'Disk full', severity: 'critical' }) })
  for await (const event of hub.subscribe(['role:ADMIN'], { since: 'start' })) {
    expect(event).toMatchObject({ type: 'system.alert', priority: 'critical', data: { severity: 'critical' } })
    break
  }
})

test.each([
  ['no title', {}, 'data.title'],
  ['an empty title', { title: ' ' }, 'data.title'],
  ['an unknown level', { title: 'a', level: 'fatal' }, 'data.level'],
  ['an unknown member', { title: 'a', icon: 'x' }, 'data.icon'],
  ['a link that is a script', { title: 'a', url: 'javascript:alert(1)' }, 'data.url'],
  ['a link to another host in disguise', { title: 'a', url: '//evil.example' }, 'data.url'],
  ['the same with a backslash', { title: 'a', url: '/\\evil.example' }, 'data.url'],
  ['no flag', { title: 'a', persistent: 'yes' }, 'data.persistent'],
  ['no object', 'title', 'data'],
])('E3: a notification with %s is refused', (_, data, field) => {
  expect(() => notification(data as never)).toThrow(expect.objectContaining({ code: 'event_invalid', field }))
})

test('E3: wrong alerts and reserved types are refused', () => {
  const alert = { title: 'a', severity: 'fatal' } as never
  expect(() => systemAlert(alert)).toThrow(expect.objectContaining({ field: 'data.severity' }))
  expect(() => custom('job.done', 1)).toThrow(expect.objectContaining({ code: 'type_reserved' }))
})
