/** Text on a terminal. */

export interface Output {
  write(text: string): unknown
  isTTY?: boolean
  columns?: number
}

/** Colours where the output is a terminal that has them and the user did not say no (https://no-color.org). */
export function painter({ isTTY }: Output, env: Readonly<Record<string, string | undefined>>) {
  const on = isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  const paint = (start: number, end: number) => (text: string) => (on ? `\x1b[${start}m${text}\x1b[${end}m` : text)
  return { bold: paint(1, 22), dim: paint(2, 22), green: paint(32, 39), red: paint(31, 39) }
}
export type Painter = ReturnType<typeof painter>

export interface TableColumn {
  /** Lines of the heading. */
  heading: readonly string[]
  /** Numbers stand to the right. */
  numeric: boolean
}

/** Columns as wide as what is in them, two spaces apart. `paint` dresses a whole row, so that its codes don't count as width. */
export function textTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[], paint: (row: string, index: number) => string): string {
  const lines = Math.max(...columns.map(({ heading }) => heading.length))
  const heads = Array.from({ length: lines }, (_, i) => columns.map(({ heading }) => heading[i - lines + heading.length] ?? ''))
  const widths = columns.map((_, c) => Math.max(...[...heads, ...rows].map((cells) => cells[c].length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, c) => (columns[c].numeric ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
      .join('  ')
      .trimEnd()
  const rule = widths.map((width) => '─'.repeat(width)).join('  ')
  return [...heads.map(line), rule, ...rows.map((cells, i) => paint(line(cells), i))].join('\n')
}

/** `1:05`, `2:03:04` */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const minutes = Math.floor(s / 60)
  return minutes < 60 ? `${minutes}:${two(s % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`
}
