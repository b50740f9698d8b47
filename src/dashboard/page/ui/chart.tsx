import { type RefObject, useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import { useShownTheme } from '../shell/theme.js'
import { colourOf } from './colours.js'
import { classNames } from './class-names.js'
import { timeOfDay } from './format.js'

export interface Line {
  readonly name: string
  /** One for each of `times`; null: nothing is known. */
  readonly values: readonly (number | null)[]
  readonly colour: 'series-1' | 'series-2' | 'series-3' | 'series-4'
  /** The figure of the moment. Default: the newest value. */
  readonly now?: number | null
}

export interface ChartProps {
  readonly title: string
  /** Unix ms, ascending. */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  readonly format: (value: number) => string
  /** How much time the chart spans. */
  readonly spanMs: number
  /** The axis goes up to this at least, so that nothing looks like much. */
  readonly least: number
  readonly height?: number
}

/** All charts of a page show the same moment under the pointer. */
const together = uPlot.sync('tidings').key

/**
 * Lines over time. The figure beside each name is that of now, or of the moment under the pointer; where time is
 * pointed at in one chart, it is in all.
 */
export function Chart({ title, times, lines, format, spanMs, least, height = 132 }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const [pointed, setPointed] = useState<number | null>(null)
  usePlot(box, { times, lines, format, spanMs, least, height, setPointed })
  const figures = lines.map(({ name, values, colour, now = values.at(-1) }) => {
    const value = pointed === null ? now : values[pointed]
    return { name, colour, text: value === null || value === undefined ? '–' : format(value) }
  })
  return (
    <div>
      <div className="mb-1 flex flex-wrap items-baseline gap-x-4 gap-y-0.5">
        {figures.map(({ name, colour, text }, at) => (
          <span key={name} className="flex items-baseline gap-1.5">
            <span
              className={classNames(
                'figures tracking-tight',
                at === 0 ? 'text-2xl leading-8 font-semibold' : 'text-base font-medium',
              )}
            >
              {text}
            </span>
            <span className="flex items-center gap-1.5 text-xs text-muted">
              <span aria-hidden className={classNames('size-2 rounded-full', dots[colour])} />
              {name}
            </span>
          </span>
        ))}
        <span className="figures ml-auto text-2xs text-muted">
          {pointed !== null && times[pointed] !== undefined ? timeOfDay(times[pointed]) : ''}
        </span>
      </div>
      <div
        ref={box}
        role="img"
        aria-label={`${title}: ${figures.map(({ name, text }) => `${name} ${text}`).join(', ')}`}
        style={{ height }}
        className="-mx-1 overflow-hidden"
      />
    </div>
  )
}

const dots = {
  'series-1': 'bg-series-1',
  'series-2': 'bg-series-2',
  'series-3': 'bg-series-3',
  'series-4': 'bg-series-4',
} as const

type PlotOptions = Omit<ChartProps, 'title'> & {
  readonly height: number
  readonly setPointed: (index: number | null) => void
}

function usePlot(box: RefObject<HTMLDivElement | null>, given: PlotOptions): void {
  const theme = useShownTheme()
  const plot = useRef<uPlot | null>(null)
  const options = useRef(given)
  options.current = given
  const names = given.lines.map(({ name }) => name).join()
  useEffect(() => {
    const element = box.current
    if (!element) return
    const made = new uPlot(settingsOf(options, element.clientWidth), dataOf(options.current), element)
    plot.current = made
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: options.current.height }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [box, theme, names])
  useEffect(() => plot.current?.setData(dataOf(given)))
}

const dataOf = ({ times, lines }: PlotOptions): uPlot.AlignedData =>
  [times.map((time) => time / 1000), ...lines.map(({ values }) => values)] as uPlot.AlignedData

function settingsOf(options: RefObject<PlotOptions>, width: number): uPlot.Options {
  const { lines, height } = options.current
  const axis = { stroke: colourOf('muted'), font: '11px ui-sans-serif, system-ui, sans-serif', ticks: { show: false } }
  const grid = { stroke: colourOf('line'), width: 1 }
  return {
    width,
    height,
    legend: { show: false },
    padding: [8, 8, 0, 4],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 }, sync: { key: together } },
    scales: {
      x: { time: true, range: () => spanOf(options.current) },
      y: { range: (_plot, _min, max) => [0, Math.max(options.current.least, (max ?? 0) * 1.15)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        space: 52,
        values: (_plot, splits) => splits.map((seconds) => timeOfDay(seconds * 1000).slice(0, 5)),
      },
      {
        ...axis,
        grid,
        size: (_plot, values) => 10 + 6.5 * Math.max(1, ...(values ?? []).map(({ length }) => length)),
        gap: 4,
        space: 34,
        values: (_plot, splits) => splits.map((value) => options.current.format(value)),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, colour }, at) => ({
        label: name,
        stroke: colourOf(colour),
        width: 1.5,
        points: { show: false },
        spanGaps: true,
        ...(at === 0 && { fill: colourOf(colour).replace(/^rgb\((.*)\)$/, 'rgba($1, 0.1)') }),
      })),
    ],
    hooks: { setCursor: [(plot) => options.current.setPointed(plot.cursor.idx ?? null)] },
  }
}

/** The newest point stands at the right edge, however many there are yet. */
function spanOf({ times, spanMs }: PlotOptions): [number, number] {
  const last = (times.at(-1) ?? Date.now()) / 1000
  return [last - spanMs / 1000, last]
}
