import type { Frame } from '../hub/frame.js'

/**
 * Joins the frames of one tick into one Buffer. Readers of one topic have the same frames waiting, so the last result is
 * kept and nearly always serves the next reader too: comparing a few references is all that a burst costs each of them.
 */
export class FrameJoiner {
  #frames: readonly Frame[] = []
  #joined: Uint8Array = new Uint8Array(0)

  join(frames: readonly Frame[]): Uint8Array {
    if (frames.length === 1) return (frames[0] as Frame).chunk
    if (!this.#isSame(frames)) {
      this.#joined = Buffer.concat(frames.map((frame) => frame.chunk))
      this.#frames = frames
    }
    return this.#joined
  }

  #isSame(frames: readonly Frame[]): boolean {
    if (frames.length !== this.#frames.length) return false
    for (let index = 0; index < frames.length; index++) if (frames[index] !== this.#frames[index]) return false
    return true
  }
}
