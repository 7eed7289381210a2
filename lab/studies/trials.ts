import { signal } from '@preact/signals'
import type { Trial } from '../training/trial.js'
import type { TrainConfig } from '../workbench/settings.js'
import { LabWorker } from '../worker/client.js'

/** One run that a study asks for. */
export interface Task {
  config: TrainConfig
  steps: number
}

/** What came of it: the run, or why there is none, in the words of the layer that refused. */
export type Outcome = { trial: Trial; problem: null } | { trial: null; problem: string }

/** One core is left to the page. */
const MOST_WORKERS = 2

/** Many runs one after the other in the background. They go on while one looks elsewhere, and stay until the study asks for others. */
export class Trials {
  /** By the number of the task. */
  readonly outcomes = signal<readonly (Outcome | undefined)[]>([])
  readonly running = signal(false)
  private tasks: readonly Task[] = []
  private asked = ''
  private workers: LabWorker[] = []

  /** What the study asks for now; where that is new, what was made is dropped. */
  show(tasks: readonly Task[]): void {
    const asked = JSON.stringify(tasks)
    if (asked === this.asked) return
    this.stop()
    this.asked = asked
    this.tasks = tasks
    this.outcomes.value = tasks.map(() => undefined)
  }

  get done(): number {
    return this.outcomes.value.filter((outcome) => outcome !== undefined).length
  }

  /** Makes what is missing. */
  async start(): Promise<void> {
    if (this.running.value) return
    this.running.value = true
    const open = [...this.tasks.keys()].filter((i) => this.outcomes.value[i] === undefined)
    const count = Math.min(MOST_WORKERS, Math.max(1, (navigator.hardwareConcurrency || 2) - 1), open.length)
    const workers = Array.from({ length: count }, () => new LabWorker())
    this.workers = workers
    await Promise.all(workers.map((worker) => this.work(worker, open)))
    // Another set of workers may be at work by now.
    if (this.workers === workers) this.stop()
  }

  private async work(worker: LabWorker, open: number[]): Promise<void> {
    for (let i = open.shift(); i !== undefined; i = open.shift()) {
      const at = i
      const outcome = await worker.ask<'trial'>({ type: 'trial', ...this.tasks[at] }).then(
        ({ trial }): Outcome => ({ trial, problem: null }),
        (error: Error): Outcome => ({ trial: null, problem: error.message }),
      )
      // What a worker says when it is closed is no outcome.
      if (!this.workers.includes(worker)) return
      this.outcomes.value = this.outcomes.value.map((before, j) => (j === at ? outcome : before))
    }
  }

  /** Ends what is under way; what is done is kept. */
  stop(): void {
    const { workers } = this
    this.workers = []
    for (const worker of workers) worker.end()
    this.running.value = false
  }
}
