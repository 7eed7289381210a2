import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { announce } from '../state/app.js'
import { drawSoon, watchElement } from './draw.js'
import { csvOf, download, fileName, type Key, png, standaloneSvg } from './export.js'

interface PictureProps {
  title: string
  /** Of one svg element; made when it is to be drawn. */
  markup: () => string
  /** What the picture is made of: when this changes it is drawn anew. */
  version: unknown
  data: () => { header: readonly string[]; rows: readonly (readonly (string | number)[])[] }
  /** What its lines stand for, said in files where the page's legend is not. */
  keys?: readonly Key[]
  /** Above the picture, such as a cursor. */
  children?: ComponentChildren
  /** Between picture and exports. */
  below?: ComponentChildren
}

const MOST_ROWS = 120

/** A figure with what every figure has: the picture, its numbers as a table, and files of both. */
export function Picture({ title, markup, version, data, keys = [], children, below }: PictureProps) {
  const drawing = useRef<HTMLDivElement>(null)
  const [open, setOpen] = useState(false)
  useEffect(() => (drawing.current ? watchElement(drawing.current) : undefined), [])
  useEffect(() => {
    if (drawing.current) drawSoon(drawing.current, markup)
  }, [version])
  const savePng = async () => {
    try {
      download(`${fileName(title)}.png`, await png(markup(), keys), 'image/png')
    } catch (error) {
      announce(`No picture could be made: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const saveCsv = () => {
    const { header, rows } = data()
    download(`${fileName(title)}.csv`, csvOf(header, rows), 'text/csv')
  }
  return (
    <figure class="picture" aria-label={title}>
      <div class="canvas">
        <div ref={drawing} />
        {children}
      </div>
      {below}
      <details class="export" onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Numbers and files</summary>
        {open && (
          <>
            <p class="exports">
              <button type="button" class="quiet" onClick={() => download(`${fileName(title)}.svg`, standaloneSvg(markup(), keys), 'image/svg+xml')}>
                SVG
              </button>
              <button type="button" class="quiet" onClick={savePng}>
                PNG
              </button>
              <button type="button" class="quiet" onClick={saveCsv}>
                CSV
              </button>
            </p>
            <DataTable title={title} {...data()} />
          </>
        )}
      </details>
    </figure>
  )
}

function DataTable({ title, header, rows }: { title: string; header: readonly string[]; rows: readonly (readonly (string | number)[])[] }) {
  const shown = rows.slice(-MOST_ROWS)
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`Numbers of: ${title}`}>
      <table>
        <caption>
          {title}
          {rows.length > shown.length ? ` (the last ${shown.length} of ${rows.length} rows; the CSV has all)` : ''}
        </caption>
        <thead>
          <tr>
            {header.map((text) => (
              <th scope="col" key={text}>
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, r) => (
            <tr key={rows.length - shown.length + r}>
              {row.map((cell, c) => (
                <td key={header[c]} class={typeof cell === 'number' ? 'number' : undefined}>
                  {typeof cell === 'number' ? Number(cell.toPrecision(7)) : cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
