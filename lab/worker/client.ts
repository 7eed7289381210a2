import type { Answer, FromWorker, Question, ToWorker } from './protocol.js'

/** A worker seen from the page. Where it can't be started or dies, every open question and all later ones fail with the reason. */
export class LabWorker {
  private readonly worker: Worker
  private readonly open = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>()
  private next = 1
  private death: Error | null = null

  constructor() {
    this.worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.receive(data)
    this.worker.onerror = (event) => this.die(event.message || 'the worker could not be started')
    this.worker.onmessageerror = () => this.die('a message could not be read')
  }

  ask<T extends Question['type']>(question: Extract<Question, { type: T }>): Promise<Extract<Answer, { type: T }>> {
    return new Promise((resolve, reject) => {
      if (this.death) return reject(this.death)
      const id = this.next++
      this.open.set(id, { resolve: (answer) => resolve(answer as Extract<Answer, { type: T }>), reject })
      const message: ToWorker = { ...question, id }
      this.worker.postMessage(message)
    })
  }

  end(): void {
    this.worker.terminate()
    this.die('it was closed')
  }

  private receive(message: FromWorker): void {
    const waiting = this.open.get(message.id)
    if (!waiting) return
    this.open.delete(message.id)
    if (message.type === 'error') waiting.reject(new Error(message.message))
    else waiting.resolve(message)
  }

  private die(reason: string): void {
    this.death = new Error(`The worker that computes this has ended: ${reason}.`)
    for (const { reject } of this.open.values()) reject(this.death)
    this.open.clear()
  }
}
