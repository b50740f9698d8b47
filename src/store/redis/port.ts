/**
 * What the Redis store asks of a client library. A connection is made, used and gone: when to make the next one, what to do
 * with what was under way, and how long to wait is decided here and not by the library, because a command that a library
 * sends again by itself may have been carried out already.
 */
export interface RedisPort {
  /** Rejects with {@link RedisRefusal} where the server said no, with anything else where it could not be reached. */
  connect(listener: ConnectionListener, timeoutMs: number): Promise<RedisConnection>
}

export interface ConnectionListener {
  message(channel: string, text: string): void
  /** Called once, when the connection is gone; also after {@link RedisConnection.drop}. */
  closed(): void
}

export interface RedisConnection {
  /** Sends at once, in the order of the calls. Rejects with {@link RedisRefusal} for an error that Redis replied. */
  send(command: string, args: readonly string[]): Promise<Reply>
  subscribe(channel: string): Promise<void>
  unsubscribe(channel: string): Promise<void>
  /** Ends the connection without waiting for anything. */
  drop(): void
}

export type Reply = string | number | null | readonly Reply[]

/** An error that Redis itself replied: what was asked for was not done. */
export class RedisRefusal extends Error {
  override readonly name = 'RedisRefusal'

  /** `OOM`, `NOSCRIPT`, `READONLY`, …: the first word of the message. */
  get word(): string {
    return this.message.split(' ', 1)[0] ?? ''
  }
}

/** The connection went before the answer came: what was asked for may have been done. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

export const list = (reply: Reply | undefined): readonly Reply[] =>
  Array.isArray(reply) ? (reply as readonly Reply[]) : []
export const word = (reply: Reply | undefined): string =>
  typeof reply === 'string' ? reply : typeof reply === 'number' ? String(reply) : ''
