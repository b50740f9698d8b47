import { createClient } from '../client/index.js'
import { type Job, type JobLog, isEnded } from '../protocol/job.js'
import { jobTopic } from '../protocol/topic.js'
import { plain, progressLine, progressText } from './job-words.js'
import { fetchAs, type Target } from './target.js'

export interface Screen {
  /** A terminal shows a bar that moves; elsewhere each change is a line. */
  readonly isTerminal: boolean
  readonly columns: number
  write(text: string): void
}

export interface WatchOptions {
  readonly screen: Screen
  /** The job as JSON, one line a change. */
  readonly json: boolean
  readonly note: (line: string) => void
}

/**
 * Shows a job until its end, over any number of connections, and resolves to it as it ended. Rejects where the hub lets this
 * person not see it.
 */
export async function watchJob(hub: Target, job: Job, { screen, json, note }: WatchOptions): Promise<Job> {
  const view = json ? jsonLines(screen) : screen.isTerminal ? bar(screen) : lines(screen)
  const client = createClient({ url: hub.url, fetch: fetchAs(hub) })
  try {
    return await new Promise<Job>((resolve, reject) => {
      let shown: Job | null = null
      const show = (next: Job | null): void => {
        if (!next || (shown && next.version <= shown.version)) return
        shown = next
        view.show(next)
        if (isEnded(next.status)) resolve(next)
      }
      client.onError((error) => {
        if (error.kind === 'authentication') reject(error)
        else note(error.message)
      })
      show(job)
      const live = client.job(job.id)
      live.subscribe(() => show(live.getSnapshot()))
      if (!json) {
        client.subscribe(jobTopic(job.id), {
          'job.log': ({ data }) => {
            for (const { level, message } of (data as JobLog).lines) view.log(`${level}: ${plain(message)}`)
          },
        })
      }
    })
  } finally {
    client.close()
    view.end()
  }
}

interface View {
  show(job: Job): void
  log(line: string): void
  end(): void
}

const jsonLines = (screen: Screen): View => ({
  show: (job) => screen.write(`${JSON.stringify(job)}\n`),
  log: () => {},
  end: () => {},
})

/** A line for each change that a person would want to find in a log: not one for every page of a thousand. */
function lines(screen: Screen): View {
  let last = ''
  return {
    show(job) {
      const told = JSON.stringify([job.status, job.percent, job.stage, job.message, job.attempt])
      if (told === last) return
      last = told
      screen.write(`${progressText(job)}\n`)
    },
    log: (line) => screen.write(`${line}\n`),
    end: () => {},
  }
}

const graphemes = new Intl.Segmenter()

function bar(screen: Screen): View {
  const clear = '\r\x1b[2K'
  let drawn = ''
  return {
    show(job) {
      // One cell is left free, or the terminal would begin another line.
      drawn = Array.from(graphemes.segment(progressLine(job)), ({ segment }) => segment)
        .slice(0, Math.max(20, screen.columns - 1))
        .join('')
      screen.write(clear + drawn)
    },
    log: (line) => screen.write(`${clear}${line}\n${drawn}`),
    end: () => screen.write('\n'),
  }
}
