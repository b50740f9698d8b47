import { type ErrorCode, statusOf } from '../../errors.js'
import { defaults } from '../../protocol/defaults.js'
import { mediaTypes } from '../../protocol/names.js'
import { administrationSchemas } from './administration-schemas.js'
import { diagnosisSchemas } from './diagnosis-schemas.js'
import { eventSchemas } from './event-schemas.js'
import { jobSchemas } from './job-schemas.js'
import type { Content, Operation } from './operation.js'
import { operations } from './operations.js'
import { statsSchemas } from './stats-schemas.js'
import { named, type Schema, text } from './schema.js'

/** By path, the methods it has. */
type Paths = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** What any request may be refused with. */
const anyRefusal: readonly ErrorCode[] = ['query_invalid', 'unauthorized', 'forbidden', 'rate_limited', 'draining']

/** The OpenAPI 3.1 document of these routes. Throws for a method that nobody has described. */
export function openApiOf(routes: Paths): Schema {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Tidings',
      version: String(defaults.protocolVersion),
      summary: 'Live progress and notifications to the right person, in order, once, over plain HTTP',
      description: 'PROTOCOL.md states each of these in full; `x-clauses` names the clauses.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '.', description: 'Where this description was found' }],
    security: [{ bearer: [] }],
    paths: Object.fromEntries(
      Object.entries(routes).map(([path, methods]) => [
        path,
        {
          ...parametersOf(path),
          ...Object.fromEntries(Object.keys(methods).map((name) => [name.toLowerCase(), described(name, path)])),
        },
      ]),
    ),
    components: {
      schemas: { ...eventSchemas, ...jobSchemas, ...administrationSchemas, ...statsSchemas, ...diagnosisSchemas },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: "Or whatever the application's own sessions are, such as its cookie.",
        },
      },
    },
  }
}

function parametersOf(path: string): Schema {
  const name = /\{(\w+)\}/.exec(path)?.[1]
  if (name === undefined) return {}
  const schema = name === 'topic' ? named('Topic') : text('An id', { minLength: 1, maxLength: 128 })
  return { parameters: [{ name, in: 'path', required: true, schema }] }
}

function described(method: string, path: string): Schema {
  const operation = operations[`${method} ${path}`]
  if (!operation) throw new Error(`Nothing describes ${method} ${path}: add it to http/openapi/operations.ts.`)
  const { id, summary, clauses, needs, query, body } = operation
  return {
    operationId: id,
    summary,
    'x-clauses': clauses,
    ...(needs === 'nothing' && { security: [] }),
    ...(needs.startsWith('the admin grant') && { description: `Takes ${needs}.` }),
    ...(query && {
      parameters: query.map(({ name, schema, repeated }) => ({
        name,
        in: 'query',
        schema: repeated ? { type: 'array', items: schema, maxItems: defaults.topicsPerStream } : schema,
      })),
    }),
    ...(body && {
      requestBody: {
        required: body.required,
        content: {
          [mediaTypes.json]: { schema: body.schema, ...(body.example !== undefined && { example: body.example }) },
        },
      },
    }),
    responses: { ...answersOf(operation), ...refusalsOf(operation) },
  }
}

const answersOf = ({ answers }: Operation): Schema =>
  Object.fromEntries(
    Object.entries(answers).map(([status, { means, content }]) => [
      status,
      {
        description: means,
        ...(content !== null && { content: contentOf(Array.isArray(content) ? content : [content]) }),
      },
    ]),
  )

const contentOf = (contents: readonly Content[]): Schema =>
  Object.fromEntries(
    contents.flatMap((content) => {
      if (content === null) return []
      if (typeof content === 'string') return [[mediaTypes.json, { schema: named(content) }]]
      return [[content.mediaType, { schema: content.schema }]]
    }),
  )

/** Refusals by status, each with its codes. */
function refusalsOf({ needs, answers, refusals = [] }: Operation): Schema {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of new Set([...(needs === 'nothing' ? [] : anyRefusal), ...refusals])) {
    const status = statusOf(code)
    if (!Object.hasOwn(answers, status)) byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const content = { [mediaTypes.problem]: { schema: named('Problem') } }
  return {
    ...Object.fromEntries(
      [...byStatus].map(([status, codes]) => [status, { description: `Codes: ${codes.join(', ')}`, content }]),
    ),
    default: { description: 'Any other refusal', content },
  }
}
