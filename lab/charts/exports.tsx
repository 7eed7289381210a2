import { announce } from '../state/app.js'
import { csvOf, download, fileName, type Key, png, type Rows, standaloneSvg } from './export.js'

export interface ExportsProps {
  title: string
  /** Of one svg element. */
  markup: () => string
  data: () => Rows
  /** What its lines stand for, said in files where the page's legend is not. */
  keys?: readonly Key[]
}

/** A figure as files: its picture twice, and its numbers. */
export function Exports({ title, markup, data, keys = [] }: ExportsProps) {
  const saveSvg = () => download(`${fileName(title)}.svg`, standaloneSvg(markup(), keys), 'image/svg+xml')
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
    <p class="exports">
      <button type="button" class="quiet" onClick={saveSvg}>
        SVG
      </button>
      <button type="button" class="quiet" onClick={savePng}>
        PNG
      </button>
      <button type="button" class="quiet" onClick={saveCsv}>
        CSV
      </button>
    </p>
  )
}
