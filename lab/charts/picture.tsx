import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { drawSoon, watchElement } from './draw.js'
import type { Rows } from './export.js'
import { Exports, type ExportsProps } from './exports.js'

interface PictureProps extends ExportsProps {
  /** What the picture is made of: when this changes it is drawn anew. */
  version: unknown
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
            <Exports title={title} markup={markup} data={data} keys={keys} />
            <DataTable title={title} {...data()} />
          </>
        )}
      </details>
    </figure>
  )
}

function DataTable({ title, header, rows }: Rows & { title: string }) {
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
