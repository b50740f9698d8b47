import { readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'

/** The documents of a YAML file; throws on anything the parser complains of. */
export function parseYaml(text: string): any[] {
  return parseAllDocuments(text, { merge: true, strict: true }).map((document) => {
    const [complaint] = [...document.errors, ...document.warnings]
    if (complaint) throw complaint
    return document.toJS()
  })
}

export const yamlFile = (path: string): any[] => parseYaml(readFileSync(path, 'utf8'))

/** Where the types of the Kubernetes API have each kind, and what it is called there. */
const apis: Readonly<Record<string, string>> = {
  'apps/v1': 'kubernetes-types/apps/v1.js',
  v1: 'kubernetes-types/core/v1.js',
  'policy/v1': 'kubernetes-types/policy/v1.js',
  'networking.k8s.io/v1': 'kubernetes-types/networking/v1.js',
}

/** A TypeScript module that compiles where every field of the manifests exists and has a value of its type. */
export function typedManifests(manifests: readonly any[]): string {
  const lines = manifests.map(({ apiVersion, kind, ...rest }, index) => {
    const from = apis[apiVersion]
    if (!from) throw new Error(`${apiVersion} ${kind}: no types for that`)
    const value = JSON.stringify({ apiVersion, kind, ...rest }, null, 2)
    return `import type { ${kind} as Kind${index} } from '${from}'\nexport const manifest${index}: Kind${index} = ${value}\n`
  })
  return lines.join('\n')
}
