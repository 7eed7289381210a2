import { useEffect, useMemo, useRef } from 'preact/hooks'
import { type Block, cellName } from './block.js'
import { CELL, layoutOf, outline } from './layout.js'
import { hueOf, inCell } from './picture.js'

/** With more cells than this their numbers would be too small to read; they are in the table. */
const MOST_WITH_NUMBERS = 340

interface BlockViewProps {
  block: Block
  /** What stands in the cells; null before the numbers have come. */
  values: Float64Array | null
  cell: number
  onCell: (cell: number) => void
}

/** The block, a colour for each statistic; the group of the chosen cell stands out. Pointer and arrow keys choose. */
export function BlockView({ block, values, cell, onCell }: BlockViewProps) {
  const layout = useMemo(() => layoutOf(block), [block])
  const borders = useMemo(() => outline(layout, block.groupOf, () => true), [layout])
  const svg = useRef<SVGSVGElement>(null)
  const group = block.groupOf[cell]
  // On a block of many cells labels are drawn larger, as the whole is drawn smaller.
  const size = Math.max(14, layout.width / 48)
  const margin = { x: Math.max(0, size * 3.4 - 44), y: Math.max(0, size * 1.5 - 22) }
  const withNumbers = block.groupOf.length <= MOST_WITH_NUMBERS

  const cells = useMemo(
    () =>
      Array.from(block.groupOf, (g, i) => (
        <rect
          class="cell"
          key={i}
          data-cell={i}
          x={layout.x[i]}
          y={layout.y[i]}
          width={CELL}
          height={CELL}
          style={{ '--hue': hueOf(g, block.groups).toFixed(0) }}
        />
      )),
    [block, layout],
  )
  const numbers = useMemo(
    () =>
      values && withNumbers && values.length === block.groupOf.length
        ? Array.from(values, (v, i) => (
            <text key={i} x={layout.x[i] + CELL / 2} y={layout.y[i] + CELL / 2 + 5}>
              {inCell(v)}
            </text>
          ))
        : null,
    [block, layout, values, withNumbers],
  )
  // By class, not by drawing anew: a pointer crosses many cells.
  useEffect(() => {
    const rects = svg.current?.querySelectorAll('.cell')
    for (const [i, rect] of [...(rects ?? [])].entries()) rect.classList.toggle('lit', block.groupOf[i] === group)
  }, [block, group])

  const point = (event: Event) => {
    const chosen = (event.target as Element).getAttribute?.('data-cell')
    if (chosen) onCell(Number(chosen))
  }
  const move = (event: KeyboardEvent) => {
    const row = layout.rows.findIndex((r) => r.includes(cell))
    const column = layout.rows[row].indexOf(cell)
    const steps: Record<string, readonly [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }
    const next =
      event.key === 'Home'
        ? 0
        : event.key === 'End'
          ? block.groupOf.length - 1
          : layout.rows[row + (steps[event.key]?.[0] ?? 0)]?.[column + (steps[event.key]?.[1] ?? 0)]
    if (!(event.key in steps) && event.key !== 'Home' && event.key !== 'End') return
    event.preventDefault()
    if (next !== undefined) onCell(next)
  }
  const name = `Block of ${block.names.join(' by ')}, ${block.shape.join(' by ')}; ${block.groups} groups of cells that share a statistic. Arrow keys choose a cell.`
  return (
    <svg
      ref={svg}
      class="block"
      viewBox={`${-margin.x} ${-margin.y} ${layout.width + margin.x} ${layout.height + margin.y}`}
      style={{ maxWidth: `${Math.round(layout.width * 1.25)}px` }}
      tabindex={0}
      role="application"
      aria-label={name}
      aria-roledescription="block of numbers"
      aria-describedby="calculation-heading"
      onPointerOver={point}
      onPointerDown={point}
      onKeyDown={move}
    >
      {cells}
      <path class="borders" d={borders} />
      <path class="group" d={outline(layout, block.groupOf, (g) => g === group, 1)} />
      <rect class="current" x={layout.x[cell] + 3} y={layout.y[cell] + 3} width={CELL - 6} height={CELL - 6} />
      <g class="numbers" aria-hidden="true">
        {numbers}
      </g>
      <g class="labels" aria-hidden="true" font-size={size}>
        {layout.labels.map(({ text, x, y, end }) => (
          <text key={`${text} ${x} ${y}`} x={x} y={y} text-anchor={end ? 'end' : 'middle'}>
            {text}
          </text>
        ))}
      </g>
      <title>{cellName(block, cell)}</title>
    </svg>
  )
}
