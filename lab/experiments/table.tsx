import type { Table } from '../../src/experiments/experiment.js'

/** A table of text; the first cell of a row is its head. */
export function TableView({ table: { caption, columns, rows, strong = [] } }: { table: Table }) {
  const kind = (c: number) => (columns[c]?.numeric ? 'number' : undefined)
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ label }, c) => (
              <th scope="col" key={label} class={kind(c)}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, r) => (
            <tr key={cells.join()} class={strong.includes(r) ? 'strong' : undefined}>
              {cells.map((cell, c) =>
                c === 0 ? (
                  <th scope="row" key={columns[c].label}>
                    {cell ?? '–'}
                  </th>
                ) : (
                  <td key={columns[c].label} class={kind(c)}>
                    {cell ?? '–'}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
