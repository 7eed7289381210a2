import { digits, programAddress } from './files.js'
import type { Answer, FromWorker, Order, Question, Report, ToWorker } from './protocol.js'

interface Waiting {
  resolve: (answer: Answer) => void
  reject: (error: Error) => void
  report?: (report: Report) => void
}

let count = 0

/** A worker seen from the page. Where it can't be started or dies, every open question and all later ones fail with the reason. */
export class LabWorker {
  private worker: Worker | null = null
  /** What is said before the worker is there. */
  private early: ToWorker[] = []
  private readonly open = new Map<number, Waiting>()
  private next = 1
  private death: Error | null = null

  constructor() {
    programAddress().then(
      (address) => this.start(address),
      (error: Error) => this.die(error.message),
    )
    digits().then(
      (file) => this.tell({ type: 'digits', file }),
      (error: Error) => this.tell({ type: 'digits', file: error.message }),
    )
  }

  private start(address: string): void {
    if (this.death) return
    const name = `evenkeel-${performance.timeOrigin}-${count++}`
    this.worker = new Worker(address, { type: 'module', name })
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.receive(data, name)
    this.worker.onerror = (event) => this.die(event.message || 'it could not be started')
    this.worker.onmessageerror = () => this.die('a message could not be read')
    for (const message of this.early.splice(0)) this.worker.postMessage(message)
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
    this.die('it was closed')
  }

  private send(message: ToWorker): void {
    if (this.worker) this.worker.postMessage(message)
    else this.early.push(message)
  }

  private receive(message: FromWorker, name: string): void {
    if ('alive' in message) {
      // The worker holds this lock while it lives, so to get it is to know that it is gone: nothing else tells a page.
      void navigator.locks.request(name, () => this.die('it was closed from outside, or ran out of memory'))
      return
    }
    const waiting = this.open.get(message.id)
    if (!waiting) return
    if ('report' in message) return waiting.report?.(message.report)
    this.open.delete(message.id)
    if ('error' in message) waiting.reject(new Error(message.error))
    else waiting.resolve(message.answer)
  }

  private die(reason: string): void {
    if (this.death) return
    this.death = new Error(`The worker that computes this has ended: ${reason}.`)
    this.worker?.terminate()
    for (const { reject } of this.open.values()) reject(this.death)
    this.open.clear()
  }
}
