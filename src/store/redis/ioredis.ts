import { TidingsError } from '../../errors.js'
import {
  type ConnectionListener,
  ConnectionLost,
  RedisRefusal,
  type RedisConnection,
  type RedisPort,
  type Reply,
} from './port.js'

/** What of an ioredis client the store uses; an instance of its class `Redis` fits. */
export interface IoredisClient {
  readonly options: { readonly db?: number | undefined }
  duplicate(override: Record<string, unknown>): IoredisClient
  connect(): Promise<void>
  disconnect(): void
  call(command: string, args: string[]): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'end', listener: () => void): unknown
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
}

export interface IoredisSettings {
  readonly url?: string
  readonly client?: IoredisClient
  readonly database?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly tls?: object | undefined
}

/**
 * Connections by ioredis 6, each of its own making: a client that is handed in is duplicated, and else left alone. All that
 * ioredis would do by itself after a connection is lost is off.
 */
export function ioredisPort(settings: IoredisSettings): RedisPort {
  return {
    async connect(listener, timeoutMs) {
      const client = await makeClient(settings, {
        ...(settings.database !== undefined && { db: settings.database }),
        ...(settings.username !== undefined && { username: settings.username }),
        ...(settings.password !== undefined && { password: settings.password }),
        ...(settings.tls !== undefined && { tls: settings.tls }),
        lazyConnect: true,
        connectTimeout: timeoutMs,
        retryStrategy: () => null,
        reconnectOnError: null,
        maxRetriesPerRequest: null,
        enableOfflineQueue: false,
        enableReadyCheck: false,
        enableAutoPipelining: false,
        autoResubscribe: false,
        autoResendUnfulfilledCommands: false,
        commandTimeout: undefined,
        socketTimeout: undefined,
        monitor: false,
        readOnly: false,
        keyPrefix: '',
        stringNumbers: false,
        protocol: 2,
        scripts: undefined,
        connectionName: 'tidings',
      })
      return await opened(client, listener)
    },
  }
}

async function opened(client: IoredisClient, listener: ConnectionListener): Promise<RedisConnection> {
  let failure: Error | null = null
  let open = false
  client.on('error', (error) => void (failure ??= error))
  client.on('end', () => {
    if (open) listener.closed()
    open = false
  })
  client.on('message', (channel, message) => listener.message(channel, message))
  try {
    await client.connect()
    // A database that cannot be selected is only an event to ioredis, and the connection stays in database 0.
    if (client.options.db) await client.call('SELECT', [String(client.options.db)])
    // The end may have come between the two.
    if (failure) throw failure
  } catch (error) {
    client.disconnect()
    throw translated(failure ?? error)
  }
  open = true
  return {
    // Every await costs a turn: what is sent often goes without.
    send: (command, args) => client.call(command, args as string[]).catch(rethrow) as Promise<Reply>,
    subscribe: async (channel) => void (await client.subscribe(channel).catch(rethrow)),
    unsubscribe: async (channel) => void (await client.unsubscribe(channel).catch(rethrow)),
    drop: () => client.disconnect(),
  }
}

async function makeClient(settings: IoredisSettings, options: Record<string, unknown>): Promise<IoredisClient> {
  if (settings.client) return settings.client.duplicate(options)
  const Redis = await loadIoredis()
  const url = settings.url as string
  const path = url.startsWith('unix:') ? url.replace(/^unix:(\/\/)?/, '') : url
  return new Redis(path, options)
}

type MakeClient = new (url: string, options: object) => IoredisClient

async function loadIoredis(): Promise<MakeClient> {
  try {
    const { Redis } = await import('ioredis')
    return Redis as unknown as MakeClient
  } catch (cause) {
    throw new TidingsError(
      'option_invalid',
      'redisStore({ url }) needs the package ioredis (6 or newer): npm install ioredis. Or hand in a client of yours.',
      { field: 'url', cause },
    )
  }
}

function translated(error: unknown): Error {
  if (error instanceof TidingsError) return error
  if (error instanceof Error && error.name === 'ReplyError') return new RedisRefusal(error.message, { cause: error })
  return new ConnectionLost(error instanceof Error ? error.message : String(error), { cause: error })
}

function rethrow(error: unknown): never {
  throw translated(error)
}
