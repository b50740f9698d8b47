/** An everyday event to begin with (spec E3). */
export interface Template {
  readonly name: string
  readonly type: string
  readonly priority: 'low' | 'normal' | 'high' | 'critical'
  readonly data: unknown
}

export const templates: readonly Template[] = [
  {
    name: 'Notification',
    type: 'notification',
    priority: 'normal',
    data: { title: 'Report ready', message: 'Your report has 120 rows.', level: 'success', url: '/reports/9' },
  },
  {
    name: 'System alert',
    type: 'system.alert',
    priority: 'critical',
    data: { title: 'Disk 95 % full', message: 'Uploads stop at 98 %.', severity: 'critical' },
  },
  { name: 'Report update', type: 'report.updated', priority: 'normal', data: { reportId: '9', rows: 120 } },
]
