import type { Stats } from 'tidings'

export type { Stats }
export type NodeStats = Stats['nodes'][number]
export type Point = Stats['series']['points'][number]
