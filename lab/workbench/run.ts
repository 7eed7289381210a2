import { signal } from '@preact/signals'
import type { OwnTable } from '../training/data.js'
import type { Divergence, Evaluation, Part, Snapshot, StepRecord } from '../training/records.js'
import { LabWorker } from '../worker/client.js'
import type { Report } from '../worker/protocol.js'
import { StepSeries, Thinned } from './series.js'
import { type BenchSettings, difference, type RunSettings, runSettings } from './settings.js'

export type RunStatus = 'starting' | 'paused' | 'playing' | 'diverged' | 'failed'

const SNAPSHOTS = 24
const EVALUATIONS = 120
/** Kept one by one, so that a link can be checked to give the same run. */
const FIRST = 50

/** One run on the bench: what its worker has told so far. */
export class Run {
  readonly status = signal<RunStatus>('starting')
  readonly loss = new StepSeries()
  readonly accuracy = new StepSeries()
  readonly snapshots = new Thinned<Snapshot>(SNAPSHOTS)
  readonly evaluations = new Thinned<Evaluation>(EVALUATIONS)
  readonly firstLosses: number[] = []
  /** What was changed while it ran. */
  readonly marks: { step: number; text: string }[] = []
  divergence: Divergence | null = null
  problem = ''
  threads = 0
  step = 0
  part: Part | null = null
  private readonly worker: LabWorker
  private begun = 0
  private stepsAtBegin = 0
  stepsPerSecond = 0

  constructor(
    public settings: RunSettings,
    readonly bench: BenchSettings,
    own: OwnTable | null,
    threads: number,
    private readonly changed: () => void,
  ) {
    this.worker = new LabWorker()
    const config = { ...bench, ...settings }
    this.worker
      .ask<'train'>({ type: 'train', config, own, threads }, (report) => this.hear(report))
      .then(
        ({ divergence }) => {
          this.divergence = divergence
          this.end('diverged')
        },
        (error: Error) => {
          this.problem = error.message
          this.end('failed')
        },
      )
  }

  get live(): boolean {
    return this.status.value !== 'diverged' && this.status.value !== 'failed'
  }

  play(until: number): void {
    if (!this.live) return
    this.begun = performance.now()
    this.stepsAtBegin = this.step
    this.status.value = 'playing'
    this.worker.tell({ type: 'play', until })
  }

  pause(): void {
    if (!this.live) return
    this.worker.tell({ type: 'pause' })
    if (this.status.value === 'playing') this.status.value = 'paused'
  }

  stepOnce(): void {
    if (!this.live) return
    this.status.value = 'paused'
    this.worker.tell({ type: 'step' })
  }

  nextPart(): void {
    if (!this.live) return
    this.status.value = 'paused'
    this.worker.tell({ type: 'part' })
  }

  /** For settings that the network outlives. */
  change(settings: RunSettings): void {
    const text = difference(runSettings, this.settings, settings)
    if (this.step > 0) this.marks.push({ step: this.step, text })
    this.settings = settings
    const { batchSize, learningRate, momentum } = settings
    this.worker.tell({ type: 'change', settings: { learningRate, momentum, ...(text.includes('batch') && { batchSize }) } })
    this.changed()
  }

  close(): void {
    this.worker.end()
  }

  private end(status: RunStatus): void {
    this.status.value = status
    this.worker.end()
    this.changed()
  }

  private hear(report: Report): void {
    switch (report.type) {
      case 'ready':
        this.threads = report.backend.threads
        if (this.status.value === 'starting') this.status.value = 'paused'
        break
      case 'steps':
        for (const record of report.steps) this.record(record)
        for (const snapshot of report.snapshots) this.snapshots.push(snapshot)
        for (const evaluation of report.evaluations) this.evaluations.push(evaluation)
        if (this.status.value === 'playing') this.stepsPerSecond = ((this.step - this.stepsAtBegin) * 1000) / (performance.now() - this.begun)
        break
      case 'paused':
        if (this.status.value === 'playing') this.status.value = 'paused'
        break
      case 'parts':
        this.part = report.part
        break
    }
    this.changed()
  }

  private record({ step, loss, accuracy }: StepRecord): void {
    this.step = step
    this.loss.push(loss)
    this.accuracy.push(accuracy)
    if (this.firstLosses.length < FIRST) this.firstLosses.push(loss)
  }
}
