import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { readStream } from '../fixtures/stream.js'
import { Program, run } from '../cli/program.js'
import { bearer } from '../fixtures/bearer.js'
import { freePorts } from '../fixtures/free-port.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { blockOf } from './blocks.js'
import { complaintsOf } from './compile.js'
import { parseYaml, typedManifests, yamlFile } from './manifests.js'

const page = 'docs/guides/kubernetes.md'
const files = ['tidings', 'redis', 'ingress'].map((name) => `examples/kubernetes/${name}.yaml`)
const manifests = files.flatMap(yamlFile)
const the = (kind: string, name = 'tidings'): any =>
  manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name)
const pod = the('Deployment').spec.template.spec
const [hub] = pod.containers
const secret = 'a secret that only this test knows, long enough'
const programs: Program[] = []

afterEach(async () => {
  for (const program of programs.splice(0)) await program.kill()
})

/** The container as the kubelet would start it, on a port of this machine. */
async function startPod(store: string): Promise<{ program: Program; url: string; port: number }> {
  const secrets: Record<string, string> = { store, 'jwt-secret': secret }
  const environment = Object.fromEntries(
    hub.env.map(({ name, valueFrom }: any) => [name, secrets[valueFrom.secretKeyRef.key] as string]),
  )
  const [port] = (await freePorts(1)) as [number]
  const args = hub.args.map((arg: string) => (arg === '4000' ? `${port}` : arg))
  expect(args).toContain(`${port}`)
  const program = new Program(args, { ...environment, NODE_ENV: 'production' })
  programs.push(program)
  await program.until(({ lines }) => lines.length > 0)
  return { program, url: `http://127.0.0.1:${port}`, port }
}

const probe = async (url: string, { httpGet }: any): Promise<number> => (await fetch(url + httpGet.path)).status

describe('docs/guides/kubernetes.md and examples/kubernetes', () => {
  test('every field of the manifests is one of the Kubernetes API, and a misspelt one is found', () => {
    const wrong = structuredClone(the('Deployment'))
    wrong.spec.template.spec.terminationGracePeriod = 30
    const complaints = complaintsOf({ right: typedManifests(manifests), wrong: typedManifests([wrong]) })
    expect(complaints.filter((line) => !line.includes('wrong.ts'))).toEqual([])
    expect(complaints.join()).toContain('terminationGracePeriod')
  })

  test('what refers to each other has the same name', () => {
    const { matchLabels } = the('Deployment').spec.selector
    expect(the('Deployment').spec.template.metadata.labels).toEqual(matchLabels)
    expect(the('Service').spec.selector).toEqual(matchLabels)
    expect(the('PodDisruptionBudget').spec.selector.matchLabels).toEqual(matchLabels)
    const ports = hub.ports.map(({ name }: any) => name)
    const [servicePort] = the('Service').spec.ports
    expect(ports).toContain(servicePort.targetPort)
    for (const { httpGet } of [hub.livenessProbe, hub.readinessProbe]) expect(ports).toContain(httpGet.port)
    const [path] = the('Ingress').spec.rules[0].http.paths
    expect(path.backend.service).toEqual({ name: 'tidings', port: { name: servicePort.name } })
    const [route] = parseYaml(blockOf(page, 'route.yaml'))
    expect(route.spec.rules[0].backendRefs).toEqual([{ name: 'tidings', port: servicePort.port }])

    const redis = the('StatefulSet', 'tidings-redis').spec
    expect(redis.template.metadata.labels).toEqual(redis.selector.matchLabels)
    expect(the('Service', redis.serviceName).spec.selector).toEqual(redis.selector.matchLabels)
    const volumes = [...redis.template.spec.volumes, ...redis.volumeClaimTemplates.map(({ metadata }: any) => metadata)]
    const mounts = redis.template.spec.containers[0].volumeMounts
    expect(mounts.map(({ name }: any) => name).sort()).toEqual(volumes.map(({ name }: any) => name).sort())
    expect(the('ConfigMap', redis.template.spec.volumes[0].configMap.name)).toBeDefined()

    // The guide makes the secret that the pods read, and its address is the Service's.
    const commands = blockOf(page, 'apply')
    for (const { valueFrom } of hub.env) {
      expect(commands).toContain(`kubectl create secret generic ${valueFrom.secretKeyRef.name} `)
      expect(commands).toContain(`--from-literal=${valueFrom.secretKeyRef.key}=`)
    }
    expect(commands).toContain(`redis://${redis.serviceName}:6379`)
    for (const file of files) expect(commands).toContain(file)
  })

  test('times fit: preStop and drain end before the kubelet kills, readers are back before the next pod goes', () => {
    const drainMs = Number(hub.args[hub.args.indexOf('--drain-ms') + 1])
    const { sleep } = hub.lifecycle.preStop
    expect(sleep.seconds * 1000 + drainMs).toBeLessThan(pod.terminationGracePeriodSeconds * 1000)
    expect(the('Deployment').spec.minReadySeconds * 1000).toBeGreaterThan(10_000)
  })

  test('a Service called "tidings" breaks the start by variables, so links are off', async () => {
    expect(pod.enableServiceLinks).toBe(false)
    const links = { TIDINGS_PORT: 'tcp://10.0.0.1:4000', TIDINGS_SERVICE_HOST: '10.0.0.1' }
    expect((await run(['serve', '--store', 'memory', '--jwt-secret', secret], links)).code).toBe(2)
  })

  test.skipIf(noRedis)(
    'S1: pods run with their arguments and variables, on a Redis with the settings of its ConfigMap',
    async () => {
      const settings = Object.fromEntries(
        the('ConfigMap', 'tidings-redis')
          .data['redis.conf'].trim()
          .split('\n')
          .map((line: string) => line.split(' ')),
      )
      const redis = await redisForTest({ settings })
      expect(await redis.command('CONFIG', 'GET', 'appendonly')).toEqual(['appendonly', 'yes'])
      const pods = await Promise.all([startPod(redis.url), startPod(redis.url)])
      for (const { url } of pods) {
        expect(await probe(url, hub.livenessProbe)).toBe(200)
        expect(await probe(url, hub.readinessProbe)).toBe(200)
      }
      const token = await bearer(secret, '7', { publish: ['user:7'] })
      const [first, second] = pods as [(typeof pods)[0], (typeof pods)[0]]
      const headers = { Authorization: `Bearer ${token}` }
      const reader = await readStream(first.url, { headers, topics: ['user:7'], timeoutMs: 30_000 })
      await fetch(`${second.url}/events`, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify({ topic: 'user:7', type: 'notification', data: { title: 'Hello' } }),
      })
      expect(await reader.next()).toMatchObject({ data: { title: 'Hello' } })

      const began = performance.now()
      expect(await first.program.kill('SIGTERM')).toBe(0)
      expect((await reader.control('bye')).reason).toBe('shutdown')
      const grace = pod.terminationGracePeriodSeconds - hub.lifecycle.preStop.sleep.seconds
      expect(performance.now() - began).toBeLessThan(grace * 1000)
      await reader.close()
    },
  )

  test('the file that the guide builds the image from is there', () => {
    expect(readFileSync('examples/compose/Dockerfile', 'utf8')).toContain('ENTRYPOINT')
    expect(blockOf(page, 'apply')).toContain('kubectl rollout status deployment/tidings')
  })
})
