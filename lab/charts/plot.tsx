import { type Signal, useSignal } from '@preact/signals'
import { type Chart, chartBox, dashes, chart as draw, marker, number, type Series, scalesOf } from '../../src/experiments/report/chart.js'
import { chartRows } from './export.js'
import { Picture } from './picture.js'
import { Stops } from './stops.js'

interface PlotProps {
  chart: Chart
  /** A value of x that other charts follow, too. */
  cursor?: Signal<number | null>
}

/** Values of x at which some series has a point, in order. */
function stops({ series }: Chart): number[] {
  return [...new Set(series.flatMap(({ points }) => points.map((p) => p.x)))].sort((a, b) => a - b)
}

/** The point of a series at x, or the last one before it. */
function pointAt({ points }: Series, x: number | null) {
  if (x === null) return points[points.length - 1]
  for (let i = points.length - 1; i >= 0; i--) if (points[i].x <= x) return points[i]
  return undefined
}

/** A line chart that can be read with pointer or keys: the legend tells the values at the cursor. */
export function Plot({ chart, cursor }: PlotProps) {
  const own = useSignal<number | null>(null)
  const at = cursor ?? own
  const { xs } = scalesOf(chart)
  const name = (x: number) => `${chart.x.label} ${chart.x.names?.[x] ?? number(x)}`
  const say = (x: number) =>
    `${name(x)}: ${chart.series
      .map((s) => {
        const point = pointAt(s, x)
        return `${s.name} ${point ? number(point.y) : 'none'}`
      })
      .join('; ')}`
  const x = at.value
  return (
    <Picture
      title={chart.title}
      markup={() => draw(chart)}
      version={chart}
      data={() => chartRows(chart)}
      keys={chart.series}
      below={
        <ul class="legend">
          <li class="quiet-text at">{x === null ? 'latest' : name(x)}</li>
          {chart.series.map((s) => {
            const value = pointAt(s, x)
            return (
              <li key={s.name} class={`series look-${s.look}`}>
                <svg width="34" height="14" viewBox="0 0 34 14" aria-hidden="true">
                  <path class="line" d="M1 7h32" stroke-dasharray={dashes[s.look]} />
                  {s.markers && <g dangerouslySetInnerHTML={{ __html: marker(s.look, 17, 7) }} />}
                </svg>
                <span>{s.name}</span>
                <data class="value" value={value?.y}>
                  {value ? number(value.y).replace('-', '−') : '–'}
                </data>
                {s.end && <span class="ended">{s.end}</span>}
              </li>
            )
          })}
        </ul>
      }
    >
      {chart.series.every(({ points }) => points.length === 0) && <p class="nothing">Nothing yet</p>}
      <Stops
        label={`${chart.title}. ${chart.description}`}
        stops={() => stops(chart)}
        at={at}
        say={say}
        fromShare={(share) => invert(chart, share * chartBox.width)}
      >
        {x !== null && (
          <svg viewBox={`0 0 ${chartBox.width} ${chartBox.height}`} aria-hidden="true">
            <line class="cursor" x1={xs.at(x)} x2={xs.at(x)} y1={chartBox.top} y2={chartBox.bottom} />
          </svg>
        )}
      </Stops>
    </Picture>
  )
}

/** The x that lies at a place of the picture. */
function invert({ x }: Chart, place: number): number {
  const share = (place - chartBox.left) / (chartBox.right - chartBox.left)
  return x.names ? share * x.names.length - 0.5 : x.domain[0] + share * (x.domain[1] - x.domain[0])
}
