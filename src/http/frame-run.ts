import type { Frame } from '../hub/frame.js'

/**
 * The frames that wait for the end of a tick, as the last link of a chain. Readers of one topic have the same frames
 * waiting and so share the links: a burst costs each of them one comparison a frame, and its bytes are joined once.
 */
export class FrameRun {
  /** Of all frames, framed as chunks. */
  readonly length: number
  readonly #before: FrameRun | null
  readonly #frame: Frame
  /** The link that the reader before added here. */
  #next: FrameRun | null = null
  #joined: Uint8Array | null = null

  constructor(before: FrameRun | null, frame: Frame) {
    this.#before = before
    this.#frame = frame
    this.length = (before?.length ?? 0) + frame.chunk.length
  }

  isOf(frame: Frame): boolean {
    return this.#frame === frame
  }

  and(frame: Frame): FrameRun {
    if (this.#next?.isOf(frame)) return this.#next
    this.#next = new FrameRun(this, frame)
    return this.#next
  }

  get frames(): Frame[] {
    const frames = [this.#frame]
    for (let run = this.#before; run; run = run.#before) frames.push(run.#frame)
    return frames.reverse()
  }

  /** The frames as chunks of HTTP/1.1, in one piece. */
  get chunks(): Uint8Array {
    if (!this.#before) return this.#frame.chunk
    this.#joined ??= Buffer.concat(
      this.frames.map(({ chunk }) => chunk),
      this.length,
    )
    return this.#joined
  }
}

/** Where runs begin. The last one only: it is what the next reader of the same event needs, and nothing older is kept. */
export class FrameRuns {
  #last: FrameRun | null = null

  begin(frame: Frame): FrameRun {
    if (!this.#last?.isOf(frame)) this.#last = new FrameRun(null, frame)
    return this.#last
  }
}
