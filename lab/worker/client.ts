import type { Answer, FromWorker, Order, Question, Report, ToWorker } from './protocol.js'

interface Waiting {
  resolve: (answer: Answer) => void
  reject: (error: Error) => void
  report?: (report: Report) => void
}

/** A worker seen from the page. Where it can't be started or dies, every open question and all later ones fail with the reason. */
export class LabWorker {
  private readonly worker: Worker
  private readonly open = new Map<number, Waiting>()
  private next = 1
  private death: Error | null = null

  constructor() {
    this.worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.receive(data)
    this.worker.onerror = (event) => this.die(event.message || 'the worker could not be started')
    this.worker.onmessageerror = () => this.die('a message could not be read')
  }

  /** @param report is told what comes on the way to the answer */
  ask<T extends Question['type']>(question: Extract<Question, { type: T }>, report?: (report: Report) => void): Promise<Extract<Answer, { type: T }>> {
    return new Promise((resolve, reject) => {
      if (this.death) return reject(this.death)
      const id = this.next++
      this.open.set(id, { resolve: (answer) => resolve(answer as Extract<Answer, { type: T }>), reject, report })
      this.send({ ...question, id })
    })
  }

  tell(order: Order): void {
    if (!this.death) this.send(order)
  }

  /** Ends it; what it was asked is not answered any more. */
  end(): void {
    this.open.clear()
    this.worker.terminate()
    this.die('it was closed')
  }

  private send(message: ToWorker): void {
    this.worker.postMessage(message)
  }

  private receive(message: FromWorker): void {
    const waiting = this.open.get(message.id)
    if (!waiting) return
    if ('report' in message) return waiting.report?.(message.report)
    this.open.delete(message.id)
    if ('error' in message) waiting.reject(new Error(message.error))
    else waiting.resolve(message.answer)
  }

  private die(reason: string): void {
    this.death = new Error(`The worker that computes this has ended: ${reason}.`)
    for (const { reject } of this.open.values()) reject(this.death)
    this.open.clear()
  }
}
