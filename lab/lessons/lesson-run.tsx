import { useState } from 'preact/hooks'
import { FigureView } from '../experiments/figure.js'
import { useExperiment } from '../experiments/use-experiment.js'
import { Progress } from '../parts/progress.js'
import { Readings } from '../parts/readings.js'
import { announce } from '../state/app.js'
import { formatHash } from '../state/url.js'
import type { Lesson, Measured } from './lesson.js'

/** The question of a lesson, the guess, the run, and what it says to the guess. */
export function LessonRun({ lesson }: { lesson: Lesson }) {
  const { id, question, answers, experiment, flags, figure } = lesson
  const [guess, setGuess] = useState<string | null>(null)
  const [measured, setMeasured] = useState<Measured | null>(null)
  const { running, progress, view, problem, run, stop } = useExperiment(experiment, lesson.title)
  const begin = async () => {
    setMeasured(null)
    const made = await run(flags)
    if (!made?.result.complete) return
    const result = lesson.measure(made.result.runs)
    setMeasured(result)
    announce(`${verdict(result, guess)} ${result.text}`)
  }
  const shown = measured ? view?.figures.find((f) => f.id === figure && f.charts.length > 0) : undefined
  return (
    <>
      <section class="panel question" aria-labelledby={`question-${id}`}>
        <fieldset disabled={running || measured !== null}>
          <legend id={`question-${id}`}>{question}</legend>
          {Object.entries(answers).map(([name, text]) => (
            <label key={name} class={['guess', name === guess && 'chosen', measured?.answer === name && 'measured-answer'].filter(Boolean).join(' ')}>
              <input type="radio" name={`guess-${id}`} value={name} checked={name === guess} onChange={() => setGuess(name)} />
              <span>{text}</span>
              {measured?.answer === name && <span class="stamp">measured</span>}
            </label>
          ))}
        </fieldset>
        <div class="controls">
          {running ? (
            <button type="button" onClick={stop}>
              Stop
            </button>
          ) : measured ? (
            <button
              type="button"
              onClick={() => {
                setMeasured(null)
                setGuess(null)
              }}
            >
              Guess again
            </button>
          ) : (
            <button type="button" class="primary" onClick={begin}>
              {guess === null ? 'Run it without a guess' : 'Run it'}
            </button>
          )}
          <Progress progress={progress} />
        </div>
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        {measured && (
          <div class="outcome">
            <p>
              <strong class={guess !== null && guess !== measured.answer ? 'wrong' : ''}>{verdict(measured, guess)}</strong> {measured.text}
            </p>
            <Readings list={measured.readings} />
          </div>
        )}
      </section>
      {shown && <FigureView figure={shown} />}
      <p class="quiet-text small run-line">
        What runs: <code>{commandOf(lesson)}</code>.{' '}
        <a href={formatHash({ path: ['experiments', experiment], params: new Map(Object.entries(flags)) })}>Open it as an experiment</a>, where every setting is
        a knob.
      </p>
    </>
  )
}

const verdict = ({ answer }: Measured, guess: string | null): string =>
  guess === null ? 'Measured.' : guess === answer ? 'You were right.' : 'The run says otherwise.'

const commandOf = ({ experiment, flags }: Lesson): string =>
  `evenkeel experiment ${experiment}${Object.entries(flags)
    .map(([flag, text]) => ` --${flag} ${text}`)
    .join('')}`
