'use client'
/** `tidings/react`: hooks over a client, and parts that show it (spec C8). */
export { type Connection, useConnection } from './connection.js'
export { type EventOfFilter, type UseEventOptions, type UseEventsOptions, useEvent, useEvents } from './events.js'
export { type UseJobOptions, useJob, useJobs } from './jobs.js'
export { TidingsProvider, type TidingsProviderProps, useTidings } from './provider.js'
export type { Register, Registered } from './register.js'
