import { Ajv2020 } from 'ajv/dist/2020.js'
import { openApiOf } from '#src/http/openapi/document.js'
import { routes } from '#src/http/route-table.js'

export interface Described {
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, { content?: Contents }> }>>
  readonly components: { readonly schemas: Record<string, object> }
}
export type Contents = Record<string, { readonly schema: object }>

export const description = openApiOf(routes) as unknown as Described

/** Members that the description does not know are a fault of it, though readers ignore them. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict)
  if (typeof schema !== 'object' || schema === null) return schema
  const members = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]))
  const isOpen = 'properties' in members && !('additionalProperties' in members)
  return isOpen ? { ...members, additionalProperties: false } : members
}

/** What is wrong with a value by one schema of the description; nothing: an empty list. */
export function checker() {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addSchema({ $id: 'api', ...(strict({ components: description.components }) as object) })
  return (schema: object, value: unknown): string[] => {
    const pointed = JSON.parse(JSON.stringify(strict(schema)).replaceAll('"#/components', '"api#/components'))
    const check = ajv.compile(pointed)
    return check(value)
      ? []
      : (check.errors ?? []).map(({ instancePath, message, params }) => {
          return `${instancePath} ${message} ${JSON.stringify(params)}`
        })
  }
}
