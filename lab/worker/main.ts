import { axesNumbers } from '../training/axes.js'
import { bytesOf, digitsFile, takeDigits } from '../training/digits.js'
import { cancelExperiment, describeExperiments, readResults, runNamed } from '../training/experiments.js'
import { readOwn } from '../training/own.js'
import { Trainer } from '../training/trainer.js'
import { runTrial } from '../training/trial.js'
import type { Answer, FromWorker, Question, Report, ToWorker } from './protocol.js'

/** The program of every worker of the lab: the library, and a door for questions and orders. */

const post = (message: FromWorker) => postMessage(message)
let trainer: Trainer | undefined

async function answer(question: Question, report: (report: Report) => void): Promise<Answer> {
  switch (question.type) {
    case 'axes':
      return { type: 'axes', numbers: axesNumbers(question.settings) }
    case 'describe':
      return { type: 'describe', experiments: describeExperiments() }
    case 'own':
      return { type: 'own', data: await readOwn(question.files) }
    case 'experiment':
      return { type: 'experiment', view: await runNamed(question.name, question.settings, report, await dataFor(question)) }
    case 'results':
      return { type: 'results', view: readResults(question.text) }
    case 'trial':
      return { type: 'trial', trial: await runTrial(question.config, question.steps, digitsFile) }
    case 'train':
      trainer = new Trainer(report)
      return { type: 'train', divergence: await trainer.train(question) }
    case 'save':
      if (!trainer) throw new Error('There is no run here yet.')
      return { type: 'save', file: trainer.save(question.what) }
  }
}

/** The text is missed only where it is read. */
const dataFor = async ({ text }: Extract<Question, { type: 'experiment' }>) => ({
  digits: await digitsFile(),
  text: () => bytesOf(text, 'There is no text'),
})

addEventListener('message', async ({ data }: MessageEvent<ToWorker>) => {
  if (!('id' in data)) {
    if (data.type === 'cancel') cancelExperiment()
    else if (data.type === 'digits') takeDigits(data.file)
    else trainer?.obey(data)
    return
  }
  const { id } = data
  try {
    post({ id, answer: await answer(data, (report) => post({ id, report })) })
  } catch (error) {
    post({ id, error: error instanceof Error ? error.message : String(error) })
  }
})

// Held for as long as this worker lives; see LabWorker.
void navigator.locks?.request(self.name, () => {
  post({ alive: true })
  return new Promise(() => {})
})
