import { diagnose, type Finding } from '../inspect/doctor.js'
import { readCheckpoint, readSafetensors } from '../io/node.js'
import { type Output, painter } from './terminal.js'

export interface DoctorSettings {
  file: string
  data: string | null
  eps: number
  json: boolean
}

/** How many channels are listed by number. */
const LISTED = 6

const layerName = ({ layer }: Finding): string => layer || '(the whole file)'

function channelsText({ channels }: Finding): string {
  if (!channels) return ''
  const { indices, of } = channels
  if (indices.length === of && of > 1) return ` in all ${of} channels`
  const listed = indices.slice(0, LISTED).join(', ')
  return ` in ${indices.length} of ${of} channels (${listed}${indices.length > LISTED ? ', ...' : ''})`
}

/** By PyTorch's usual endings, or safetensors. */
const readTensors = (file: string) => (/\.(pt|pth|ckpt)$/i.test(file) ? readCheckpoint(file) : readSafetensors(file))

/** Examines a checkpoint and prints what is wrong. @returns whether something is */
export function runDoctor({ file, data, eps, json }: DoctorSettings, stdout: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  const diagnosis = diagnose(readTensors(file), { eps, data: data === null ? {} : readTensors(data) })
  const { norms, tracking, findings } = diagnosis
  if (json) {
    stdout.write(`${JSON.stringify({ file, ...diagnosis }, null, 2)}\n`)
    return findings.length > 0
  }
  const paint = painter(stdout, env)
  const counts = `${norms} ${norms === 1 ? 'norm' : 'norms'}, ${tracking} with running averages`
  stdout.write(`${file}: ${counts}\n`)
  for (const finding of findings) {
    stdout.write(`\n${paint.bold(layerName(finding))}: ${paint.red(finding.problem)}\n`)
    stdout.write(`  ${finding.figure}${channelsText(finding)}\n  Why: ${finding.why}\n  Do:  ${finding.fix}\n`)
  }
  const layers = new Set(findings.map((f) => f.layer)).size
  const verdict =
    findings.length === 0
      ? paint.green('Nothing wrong found.')
      : `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'} in ${layers} ${layers === 1 ? 'layer' : 'layers'}.`
  stdout.write(`${findings.length === 0 ? '' : '\n'}${verdict}\n`)
  return findings.length > 0
}
