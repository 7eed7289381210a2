import { signal } from '@preact/signals'
import { announce } from '../state/app.js'
import type { OwnData } from '../training/own.js'
import { nameOf } from './figures.js'
import { Run } from './run.js'
import { benchSettings, difference, nextStop, type RunSettings, runSettings, whileRunning } from './settings.js'
import type { BenchState } from './state.js'
import type { Earlier } from './track.js'

const MOST_EARLIER = 3
/** Fewer steps than this are not worth a line. */
const WORTH_KEEPING = 20
/** Between two drawings of the page; what comes in between is drawn together. */
const MS_BETWEEN_TICKS = 160

/** The runs on the bench. It outlives the page, so that one can look elsewhere and come back. */
class Bench {
  readonly runs = signal<readonly Run[]>([])
  readonly earlier = signal<readonly Earlier[]>([])
  /** Goes up when there is something new to draw. */
  readonly tick = signal(0)
  readonly cursor = signal<number | null>(null)
  readonly own = signal<OwnData | null>(null)
  private state: BenchState | null = null
  private ownShown: OwnData | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private looks = 0

  /** Makes the bench what the address says: runs stay where they can. */
  show(state: BenchState): void {
    const before = this.state
    this.state = state
    const all = !before || difference(benchSettings, before.bench, state.bench) !== '' || this.ownShown !== this.own.value
    // Losses on other data are no measure for these.
    if (before?.bench.data !== state.bench.data || this.ownShown !== this.own.value) this.earlier.value = []
    else if (all) for (const run of this.runs.value) this.keep(run, difference(benchSettings, before.bench, state.bench))
    this.ownShown = this.own.value
    const old = this.runs.value
    const playing = !all && old.some((run) => run.status.value === 'playing')
    // Runs on files of one's own wait for these.
    const wanted = state.bench.data === 'own' && this.own.value === null ? [] : state.runs
    const runs = wanted.map((settings, i) => {
      const run = old[i]
      if (all || !run || !sameNetwork(run.settings, settings)) return this.replace(all ? undefined : run, settings, state, playing)
      if (difference(runSettings, run.settings, settings)) run.change(settings)
      return run
    })
    for (const run of old) if (!runs.includes(run)) run.close()
    this.runs.value = runs
    if (playing && before.play.stopEvery !== state.play.stopEvery) this.play()
    this.changed()
  }

  private replace(old: Run | undefined, settings: RunSettings, state: BenchState, playing: boolean): Run {
    if (old) this.keep(old, difference(runSettings, old.settings, settings))
    const threads = Math.max(1, Math.floor((navigator.hardwareConcurrency || 1) / state.runs.length))
    const run = new Run(settings, state.bench, this.own.value, Math.min(threads, 4), () => this.changed())
    if (playing) run.play(nextStop(state.play, 0))
    return run
  }

  /** @param change what was changed then */
  private keep(run: Run, change: string): void {
    if (run.step < WORTH_KEEPING) return
    const name = `earlier: ${nameOf(run, this.runs.value)} (before ${change})`
    const line = { name, look: 3 + (this.looks++ % MOST_EARLIER), points: run.loss.points(120) }
    this.earlier.value = [...this.earlier.value, line].slice(-MOST_EARLIER)
  }

  /** Starts all runs anew, from their first weights. */
  reset(): void {
    const { state } = this
    if (!state) return
    for (const run of this.runs.value) {
      run.close()
    }
    this.runs.value = state.runs.map((settings) => this.replace(undefined, settings, state, false))
    this.earlier.value = []
    this.cursor.value = null
    this.changed()
    announce('All runs are back at their first weights')
  }

  play(): void {
    const { runs, state } = this
    if (!state) return
    const target = nextStop(state.play, Math.max(0, ...runs.value.map(({ step }) => step)))
    for (const run of runs.value) run.play(target)
    this.changed()
    announce('Training')
  }

  pause(): void {
    for (const run of this.runs.value) run.pause()
    this.changed()
    announce(`Paused at ${this.runs.value.map((run) => `step ${run.step}`).join(', ')}`)
  }

  step(): void {
    for (const run of this.runs.value) run.stepOnce()
  }

  private changed(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.tick.value++
    }, MS_BETWEEN_TICKS)
  }
}

const sameNetwork = (a: RunSettings, b: RunSettings): boolean =>
  (Object.keys(runSettings) as (keyof RunSettings)[]).every((key) => whileRunning.includes(key) || a[key] === b[key])

export const bench = new Bench()
