import { axesNumbers } from '../training/axes.js'
import type { Answer, FromWorker, Question, ToWorker } from './protocol.js'

/** The program of every worker of the lab: the library, and a door for questions. */

const post = (message: FromWorker) => postMessage(message)

function answer(question: Question): Answer {
  switch (question.type) {
    case 'axes':
      return { type: 'axes', numbers: axesNumbers(question.settings) }
    case 'hello':
      return { type: 'hello', backend: { simd: true, isolated: crossOriginIsolated, threads: 1 } }
  }
}

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  try {
    post({ ...answer(data), id: data.id })
  } catch (error) {
    post({ type: 'error', id: data.id, message: error instanceof Error ? error.message : String(error) })
  }
})
