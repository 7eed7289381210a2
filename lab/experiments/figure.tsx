import type { Figure } from '../../src/experiments/experiment.js'
import { Plot } from '../charts/plot.js'
import { Panel } from '../parts/panel.js'
import { TableView } from './table.js'

/** A figure of an experiment, with its numbers. */
export function FigureView({ figure: { id, heading, text, charts, table } }: { figure: Figure }) {
  return (
    <Panel id={`figure-${id}`} heading={heading}>
      <p class="quiet-text">{text}</p>
      <div class={`figures ${charts.length > 1 ? 'several' : ''}`}>
        {charts.map((chart) => (
          <Plot key={chart.title} chart={chart} />
        ))}
      </div>
      <details>
        <summary>The numbers of this figure</summary>
        <TableView table={table} />
      </details>
    </Panel>
  )
}
