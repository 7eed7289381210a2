import { type AdviseSettings, advise } from '../experiments/index.js'
import { type Output, painter } from './terminal.js'

/** Prints which norm, why, what it depends on, and the lines to write. */
export function runAdvise(settings: AdviseSettings, json: boolean, stdout: Output, env: Readonly<Record<string, string | undefined>>): void {
  const advice = advise(settings)
  if (json) {
    stdout.write(`${JSON.stringify({ settings, ...advice })}\n`)
    return
  }
  const { bold } = painter(stdout, env)
  const { norm, certainty, reasons, dependsOn, code } = advice
  const lines = [
    `${bold(norm)} ${certainty === 'sure' ? 'for sure' : 'as a start: it depends'}`,
    ...reasons.map(({ text, experiment }) => `• ${text} (evenkeel experiment ${experiment})`),
    ...dependsOn.map((text) => `• To weigh: ${text}`),
    `PyTorch:  ${code.pytorch}`,
    `Evenkeel: ${code.evenkeel}`,
  ]
  stdout.write(`${lines.join('\n')}\n`)
}
