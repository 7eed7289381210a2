import { signal } from '@preact/signals'
import type { OwnData } from '../training/own.js'
import type { Part } from '../training/records.js'
import { LabWorker } from '../worker/client.js'
import type { Backend, Memory, Report } from '../worker/protocol.js'
import { type BenchSettings, difference, type RunSettings, runSettings, whileRunning } from './settings.js'
import { Track } from './track.js'

export type RunStatus = 'starting' | 'paused' | 'playing' | 'diverged' | 'failed'

/** Settings that hold after a step, and not before. */
export interface Change {
  step: number
  settings: Partial<RunSettings>
  /** `lr 0.1 → 0.5` */
  text: string
}

/** One run on the bench: what its worker has told so far. */
export class Run extends Track {
  readonly status = signal<RunStatus>('starting')
  /** What was changed while it ran, as its worker did it. */
  readonly changes: Change[] = []
  /** What it began with. */
  first: RunSettings
  /** What its worker uses. */
  private used: RunSettings
  problem = ''
  /** What computes it, and what it holds there. */
  backend: Backend | null = null
  memory: Memory | null = null
  part: Part | null = null
  private readonly worker: LabWorker
  private begun = 0
  private stepsAtBegin = 0
  stepsPerSecond = 0

  constructor(
    settings: RunSettings,
    bench: BenchSettings,
    own: OwnData | null,
    threads: number,
    private readonly changed: () => void,
  ) {
    super(settings, bench)
    this.first = settings
    this.used = settings
    this.worker = new LabWorker()
    const config = { ...bench, ...settings }
    this.worker
      .ask<'train'>({ type: 'train', config, own, threads }, (report) => this.hear(report))
      .then(
        ({ divergence }) => {
          this.divergence = divergence
          this.status.value = 'diverged'
          this.changed()
        },
        (error: Error) => {
          this.problem = error.message
          this.status.value = 'failed'
          this.worker.end()
          this.changed()
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
    const changed = whileRunning.filter((key) => settings[key] !== this.settings[key])
    this.settings = settings
    this.worker.tell({ type: 'change', settings: Object.fromEntries(changed.map((key) => [key, settings[key]])) })
    this.changed()
  }

  /** A safetensors file of the network as it is now, diverged or not, or of the data. */
  async save(what: 'weights' | 'data'): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.worker.ask<'save'>({ type: 'save', what })).file
  }

  close(): void {
    this.worker.end()
  }

  private hear(report: Report): void {
    switch (report.type) {
      case 'ready':
        this.backend = report.backend
        if (this.status.value === 'starting') this.status.value = 'paused'
        break
      case 'steps':
        this.add(report)
        this.memory = report.memory
        if (this.status.value === 'playing') this.stepsPerSecond = ((this.step - this.stepsAtBegin) * 1000) / (performance.now() - this.begun)
        break
      case 'paused':
        if (this.status.value === 'playing') this.status.value = 'paused'
        break
      case 'changed':
        this.hearChange(report)
        break
      case 'parts':
        this.part = report.part
        break
    }
    this.changed()
  }

  private hearChange({ step, settings }: Extract<Report, { type: 'changed' }>): void {
    const before = this.used
    this.used = { ...before, ...settings }
    if (step === 0) this.first = this.used
    else this.changes.push({ step, settings, text: difference(runSettings, before, this.used) })
  }
}
