import { hidden, route } from '../state/app.js'
import { AveragesPage } from './averages-page.js'
import { BatchSizePage } from './batch-size-page.js'
import { GridPage } from './grid-page.js'

const studies = [
  {
    name: 'grid',
    label: 'Learning rates',
    title: 'How high, with which norm?',
    text: 'Every norm at every learning rate with every activation, from the same weights on the same batches. The stronger the colour, the more it got right; where it fades, the network has stopped learning.',
    Study: GridPage,
  },
  {
    name: 'batch-size',
    label: 'Batch sizes',
    title: 'From 128 samples to one',
    text: 'BatchNorm takes its mean and variance from the batch. The same network sees the same samples in ever smaller batches: what becomes of it, and of those norms that do not ask the batch?',
    Study: BatchSizePage,
  },
  {
    name: 'averages',
    label: 'Running averages',
    title: 'What BatchNorm remembers',
    text: 'A batch has one mean, the running average another, the data a third. In training the first is used, in evaluation the second, and meant is the third. Change the momentum while it runs.',
    Study: AveragesPage,
  },
] as const

/** One knob over its whole range. */
export function StudiesPage() {
  const name = route.value.path[1] ?? studies[0].name
  const study = studies.find((s) => s.name === name)
  return (
    <>
      {!hidden.value.has('nav') && (
        <nav class="tabs" aria-label="Studies">
          {studies.map(({ name: other, label }) => (
            <a key={other} href={`#/studies/${other}`} aria-current={other === name ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
      )}
      <div class="lead">
        <h1>{study?.title ?? `There is no study “${name}”`}</h1>
        <p>{study?.text ?? 'The address may be of another version of the lab.'}</p>
      </div>
      {study && <study.Study key={name} />}
    </>
  )
}
