import { shortNumber } from './number.js'

export interface Reading {
  term: string
  /** In full, for whoever reads the page by program; undefined where there is none yet. */
  value: number | undefined
  /** As it is written. Default: the number with three decimals. */
  text?: string
}

/** Numbers with their names, side by side. */
export function Readings({ list }: { list: readonly Reading[] }) {
  return (
    <dl class="readings">
      {list.map(({ term, value, text }) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>
            <data value={value} data-reading={term}>
              {text ?? (value === undefined ? '–' : shortNumber(value))}
            </data>
          </dd>
        </div>
      ))}
    </dl>
  )
}
