import type { Point } from '../../src/experiments/report/chart.js'
import type { Divergence, Evaluation, Snapshot, StepRecord } from '../training/records.js'
import { StepSeries, Thinned } from './series.js'
import type { BenchSettings, RunSettings } from './settings.js'

const SNAPSHOTS = 24
const EVALUATIONS = 120
/** Kept one by one, so that a link can be checked to give the same run. */
const FIRST = 50

/** A run that is over, for comparison. */
export interface Earlier {
  name: string
  look: number
  points: readonly Point[]
}

/** What a run has told so far, in bounded memory: all that figures are made of, in the page and in the command. */
export class Track {
  readonly loss = new StepSeries()
  readonly accuracy = new StepSeries()
  readonly snapshots = new Thinned<Snapshot>(SNAPSHOTS)
  readonly evaluations = new Thinned<Evaluation>(EVALUATIONS)
  readonly firstLosses: number[] = []
  divergence: Divergence | null = null
  step = 0

  constructor(
    public settings: RunSettings,
    readonly bench: BenchSettings,
  ) {}

  add(told: { steps: readonly StepRecord[]; snapshots: readonly Snapshot[]; evaluations: readonly Evaluation[] }): void {
    for (const { step, loss, accuracy } of told.steps) {
      this.step = step
      this.loss.push(loss)
      this.accuracy.push(accuracy)
      if (this.firstLosses.length < FIRST) this.firstLosses.push(loss)
    }
    for (const snapshot of told.snapshots) this.snapshots.push(snapshot)
    for (const evaluation of told.evaluations) this.evaluations.push(evaluation)
  }
}
