import { backendInfo, saveSafetensors, setNumThreads } from '../../src/index.js'
import type { RunSettings } from '../workbench/settings.js'
import type { Order, Question, Report } from '../worker/protocol.js'
import { benchData, dataTensors } from './data.js'
import { digitsFile } from './digits.js'
import type { Divergence, Evaluation, Part, Snapshot, StepRecord } from './records.js'
import { Session, type StepResult } from './session.js'

/** Reports this often are seen as they come, and cost the page little. */
const MS_BETWEEN_REPORTS = 80

/** Trains one network in this worker, as it is told. */
export class Trainer {
  private session: Session | null = null
  private until = 0
  private playing = false
  private parts: IterableIterator<Part, StepResult> | null = null
  private diverged: (divergence: Divergence) => void = () => {}
  private failed: (error: unknown) => void = () => {}
  private steps: StepRecord[] = []
  private snapshots: Snapshot[] = []
  private evaluations: Evaluation[] = []
  private reported = 0
  /** Orders that came before the data did. */
  private waiting: Order[] = []

  constructor(private readonly report: (report: Report) => void) {}

  /** @returns when the run diverges; before that only by an error */
  async train({ config, own, threads }: Extract<Question, { type: 'train' }>): Promise<Divergence> {
    // Without shared memory one thread is all there is; the numbers are the same.
    if (crossOriginIsolated) setNumThreads(threads)
    this.session = new Session(config, await benchData(config, own, digitsFile))
    const { backend, simd, threads: used } = backendInfo()
    this.report({ type: 'ready', backend: { name: backend, simd, threads: used } })
    return new Promise((resolve, reject) => {
      this.diverged = resolve
      this.failed = reject
      for (const order of this.waiting.splice(0)) this.obey(order)
    })
  }

  obey(order: Order): void {
    const { session } = this
    if (!session) {
      this.waiting.push(order)
      return
    }
    try {
      switch (order.type) {
        case 'play':
          this.until = order.until
          if (!this.playing) void this.play(session)
          return
        case 'pause':
          this.playing = false
          return
        case 'step':
          this.playing = false
          this.take(this.finishParts() ?? session.next())
          return this.flush()
        case 'part':
          this.playing = false
          return this.nextPart(session)
        case 'change':
          return this.change(session, order.settings)
      }
    } catch (error) {
      this.failed(error)
    }
  }

  /** A safetensors file of the network as it is now, by PyTorch's keys, or of the data. */
  save(what: 'weights' | 'data'): Uint8Array<ArrayBuffer> {
    if (!this.session) throw new Error('The run has not begun yet.')
    const tensors = what === 'weights' ? this.session.stateDict() : dataTensors(this.session.data)
    return Uint8Array.from(saveSafetensors(tensors, { format: 'pt' }))
  }

  private async play(session: Session): Promise<void> {
    this.playing = true
    try {
      const rest = this.finishParts()
      if (rest) this.take(rest)
      while (this.playing && session.step < this.until) {
        this.take(session.next())
        if (performance.now() - this.reported > MS_BETWEEN_REPORTS) this.flush()
        await breath()
      }
    } catch (error) {
      this.playing = false
      this.failed(error)
    }
    this.playing = false
    this.flush()
    this.report({ type: 'paused' })
  }

  /** Between two steps: one that was begun in slow motion is ended as it was begun. */
  private change(session: Session, settings: Partial<RunSettings>): void {
    const rest = this.finishParts()
    if (rest) this.take(rest)
    session.change(settings)
    this.flush()
    this.report({ type: 'changed', step: session.step, settings })
  }

  private nextPart(session: Session): void {
    this.parts ??= session.parts()
    const { value, done } = this.parts.next()
    if (!done) return this.report({ type: 'parts', part: value })
    this.parts = null
    this.take(value)
    this.flush()
    this.report({ type: 'parts', part: null })
  }

  /** A step that was begun in slow motion is ended at once. */
  private finishParts(): StepResult | null {
    if (!this.parts) return null
    for (;;) {
      const { value, done } = this.parts.next()
      if (!done) continue
      this.parts = null
      this.report({ type: 'parts', part: null })
      return value
    }
  }

  private take({ record, snapshot, evaluation, divergence }: StepResult): void {
    this.steps.push(record)
    if (snapshot) this.snapshots.push(snapshot)
    if (evaluation) this.evaluations.push(evaluation)
    if (!divergence) return
    this.playing = false
    this.flush()
    this.diverged(divergence)
  }

  private flush(): void {
    this.reported = performance.now()
    if (this.steps.length === 0) return
    const { tensors, bytes } = backendInfo().memory
    this.report({ type: 'steps', steps: this.steps, snapshots: this.snapshots, evaluations: this.evaluations, memory: { tensors, bytes } })
    this.steps = []
    this.snapshots = []
    this.evaluations = []
  }
}

const { port1, port2 } = new MessageChannel()
let wake = () => {}
port1.onmessage = () => wake()

/** Lets orders in, without the 4 ms that a timer would take. */
const breath = () =>
  new Promise<void>((resolve) => {
    wake = resolve
    port2.postMessage(null)
  })
