import { useEffect, useRef } from 'preact/hooks'
import { shortNumber } from '../parts/number.js'
import { Panel } from '../parts/panel.js'
import type { Part } from '../training/records.js'
import { nameOf } from './figures.js'
import type { Run } from './run.js'

const parts: readonly { name: Part['name']; label: string }[] = [
  { name: 'batch', label: 'Batch' },
  { name: 'forward', label: 'Forward' },
  { name: 'statistics', label: 'Statistics' },
  { name: 'running', label: 'Running averages' },
  { name: 'loss', label: 'Loss' },
  { name: 'backward', label: 'Backward' },
  { name: 'update', label: 'Update' },
]

/** One step taken apart; every number is that of the step. */
export function SlowMotion({ runs, chosen, onChoose }: { runs: readonly Run[]; chosen: number; onChoose: (run: number) => void }) {
  const run = runs[chosen] ?? runs[0]
  if (!run) return null
  const { part } = run
  const at = parts.findIndex(({ name }) => name === part?.name)
  return (
    <Panel
      id="slow"
      heading="One step in slow motion"
      aside={
        <label class="inline">
          <span>of</span>
          <select value={String(chosen)} onChange={(event) => onChoose(Number(event.currentTarget.value))}>
            {runs.map((r, i) => (
              <option value={String(i)} key={nameOf(r, runs)}>
                {nameOf(r, runs)}
              </option>
            ))}
          </select>
        </label>
      }
    >
      <ol class="parts">
        {parts.map(({ name, label }, i) => (
          <li key={name} class={i === at ? 'now' : i < at ? 'past' : ''} aria-current={i === at ? 'step' : undefined}>
            {label}
          </li>
        ))}
      </ol>
      <p>
        <button type="button" disabled={!run.live} onClick={() => run.nextPart()}>
          {part ? (at === parts.length - 1 ? 'Finish the step' : `Next: ${parts[at + 1].label.toLowerCase()}`) : `Begin step ${run.step + 1}`}
        </button>
      </p>
      <div class="part" aria-live="polite">
        {part ? (
          <>
            <p>{part.text}</p>
            {part.pictures && <Pictures {...part.pictures} />}
            {part.rows.length > 0 && (
              <div class="scroll" tabIndex={0} role="region" aria-label="Numbers of this part">
                <table>
                  <thead>
                    <tr>
                      {part.columns.map((text, i) => (
                        <th scope="col" key={text} class={i > 0 ? 'number' : undefined}>
                          {text}
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {part.rows.map(([first, ...rest]) => (
                      <tr key={first}>
                        <th scope="row">{first}</th>
                        {rest.map((value, i) => (
                          <td class="number" key={part.columns[i + 1]}>
                            {typeof value === 'number' ? shortNumber(value, 5) : value}
                          </td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </>
        ) : (
          <p class="quiet-text">
            A step has seven parts: what goes in, what the layers make of it, what the norm learns on the way, how wrong it was, whose fault it was, and what
            changes.
          </p>
        )}
      </div>
    </Panel>
  )
}

function Pictures({ size, pixels, labels }: NonNullable<Part['pictures']>) {
  return (
    <div class="pictures" role="img" aria-label={`The first digits of the batch: ${labels.join(', ')}`}>
      {labels.map((label, i) => (
        <Digit key={i} size={size} pixels={pixels.subarray(i * size * size, (i + 1) * size * size)} label={label} />
      ))}
    </div>
  )
}

function Digit({ size, pixels, label }: { size: number; pixels: Float32Array; label: number }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context) return
    const image = context.createImageData(size, size)
    const high = Math.max(...pixels)
    const low = Math.min(...pixels)
    for (let i = 0; i < pixels.length; i++) {
      const grey = Math.round((255 * (pixels[i] - low)) / (high - low || 1))
      image.data.set([grey, grey, grey, 255], 4 * i)
    }
    context.putImageData(image, 0, 0)
  }, [pixels])
  return (
    <span>
      <canvas ref={canvas} width={size} height={size} />
      {label}
    </span>
  )
}
