import type { NormChoice } from './settings.js'

/** A block of N samples, C channels and positions as a cube, after the well-known figure of Wu and He (Group Normalization, 2018). */
const SIZE = 44
const DEPTH: readonly [number, number] = [15, -11]
const CELLS = 4

type Point = readonly [x: number, y: number]
const ORIGIN: Point = [2, 15]

/** @param c channels from the left, p positions from the top, n samples from the front; in cells */
const at = (c: number, p: number, n: number): Point => [
  ORIGIN[0] + (c * SIZE) / CELLS + (n * DEPTH[0]) / CELLS,
  ORIGIN[1] + (p * SIZE) / CELLS + (n * DEPTH[1]) / CELLS,
]
const polygon = (...points: Point[]) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')

/** Which channels and samples, from the front left, the statistic of the first cell takes in. */
const shared: Readonly<Record<NormChoice, { channels: number; samples: number }>> = {
  batch: { channels: 1, samples: CELLS },
  layer: { channels: CELLS, samples: 1 },
  instance: { channels: 1, samples: 1 },
  group: { channels: 2, samples: 1 },
  rms: { channels: CELLS, samples: 1 },
}

export function Cube({ norm }: { norm: NormChoice }) {
  const { channels, samples } = shared[norm]
  const lines = []
  for (let i = 0; i <= CELLS; i++) {
    lines.push([at(i, 0, 0), at(i, CELLS, 0)], [at(0, i, 0), at(CELLS, i, 0)])
    lines.push([at(i, 0, 0), at(i, 0, CELLS)], [at(0, 0, i), at(CELLS, 0, i)])
    lines.push([at(CELLS, i, 0), at(CELLS, i, CELLS)], [at(CELLS, 0, i), at(CELLS, CELLS, i)])
  }
  const grid = lines.map(([[x1, y1], [x2, y2]]) => `M${x1} ${y1}L${x2} ${y2}`).join('')
  const kind = norm === 'rms' ? 'cube-on cube-rms' : 'cube-on'
  return (
    <svg class="cube" viewBox={`0 0 ${SIZE + DEPTH[0] + 4} ${SIZE - DEPTH[1] + 6}`} aria-hidden="true">
      <polygon class="cube-face" points={polygon(at(0, 0, 0), at(CELLS, 0, 0), at(CELLS, CELLS, 0), at(0, CELLS, 0))} />
      <polygon class="cube-face" points={polygon(at(0, 0, 0), at(CELLS, 0, 0), at(CELLS, 0, CELLS), at(0, 0, CELLS))} />
      <polygon class="cube-face" points={polygon(at(CELLS, 0, 0), at(CELLS, CELLS, 0), at(CELLS, CELLS, CELLS), at(CELLS, 0, CELLS))} />
      <polygon class={kind} points={polygon(at(0, 0, 0), at(channels, 0, 0), at(channels, CELLS, 0), at(0, CELLS, 0))} />
      <polygon class={`${kind} cube-top`} points={polygon(at(0, 0, 0), at(channels, 0, 0), at(channels, 0, samples), at(0, 0, samples))} />
      {channels === CELLS && (
        <polygon class={`${kind} cube-side`} points={polygon(at(CELLS, 0, 0), at(CELLS, CELLS, 0), at(CELLS, CELLS, samples), at(CELLS, 0, samples))} />
      )}
      <path class="cube-grid" d={grid} />
    </svg>
  )
}
