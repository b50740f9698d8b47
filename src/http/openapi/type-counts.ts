import { list, object, type Schema, text, whole } from './schema.js'

/** How many events there were of each type. */
export const typeCounts = (description: string): Schema =>
  list(object('One type', { type: text('Which'), count: whole('Events') }), description)
