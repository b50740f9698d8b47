/** A JSON Schema (2020-12), as OpenAPI 3.1 takes it. */
export interface Schema {
  readonly [keyword: string]: unknown
}

export const text = (description: string, more: Schema = {}): Schema => ({ type: 'string', description, ...more })
export const whole = (description: string, more: Schema = {}): Schema => ({ type: 'integer', description, ...more })
export const flag = (description: string): Schema => ({ type: 'boolean', description })
export const anyJson = (description: string): Schema => ({ description })
export const oneOf = (values: readonly string[], description: string): Schema => ({
  type: 'string',
  enum: [...values],
  description,
})
export const list = (items: Schema, description: string, more: Schema = {}): Schema => ({
  type: 'array',
  items,
  description,
  ...more,
})
export const orNull = ({ type, ...rest }: Schema): Schema => ({ type: [type, 'null'], ...rest })
export const unixMs = (description: string): Schema => whole(`${description}, Unix ms`, { minimum: 0 })

/** One of the named schemas of the document. */
export const named = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })

/** An object; members whose name ends in `?` may be absent. */
export function object(description: string, members: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  const names = Object.keys(members)
  const required = names.filter((name) => !name.endsWith('?'))
  return {
    type: 'object',
    description,
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(names.map((name) => [name.replace(/\?$/, ''), members[name]])),
    ...more,
  }
}
