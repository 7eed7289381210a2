import type { RunState } from '../../src/experiments/experiment.js'
import type { Reading } from '../parts/readings.js'

/** A claim that the reader guesses at first and then runs. Texts are data, and what is right is read off the run. */
export interface Lesson {
  /** In the address. */
  id: string
  title: string
  /** What one has to know to guess. */
  text: readonly string[]
  /** PyTorch's lines for it. */
  code: string
  question: string
  answers: Readonly<Record<string, string>>
  /** What is run: `evenkeel experiment NAME --flag value`. */
  experiment: string
  flags: Readonly<Record<string, string>>
  /** A figure of the experiment that shows it. */
  figure?: string
  measure(runs: readonly RunState[]): Measured
  /** Why it is so; can be read without running anything. */
  why: readonly string[]
}

/** What a run says to a question. */
export interface Measured {
  /** One of the lesson's answers. */
  answer: string
  text: string
  readings: readonly Reading[]
}

/** @param measure reads the runs of the lesson's experiment */
export const lesson = <R extends RunState>({ measure, ...words }: Omit<Lesson, 'measure'> & { measure: (runs: readonly R[]) => Measured }): Lesson => ({
  ...words,
  measure: (runs) => measure(runs as readonly R[]),
})

/** The only run of which this is so. @throws Error where there is none */
export function only<R>(runs: readonly R[], wanted: (run: R) => boolean = () => true): R {
  const found = runs.find(wanted)
  if (found === undefined) throw new Error('The run that this lesson is about is missing.')
  return found
}
