import { lookCount } from './report/chart.js'

/** The norms as the experiments name, draw and write them. */

export type Norm = 'none' | 'batch' | 'layer' | 'group' | 'instance' | 'rms'

/** As they are called in text. */
export const normNames: Readonly<Record<Norm, string>> = {
  none: 'no norm',
  batch: 'BatchNorm',
  layer: 'LayerNorm',
  group: 'GroupNorm',
  instance: 'InstanceNorm',
  rms: 'RMSNorm',
}

const order: readonly Norm[] = ['batch', 'layer', 'none', 'group', 'instance', 'rms']
/** The same look in every chart. */
export const lookOfNorm = (norm: Norm): number => order.indexOf(norm) % lookCount
export const normLegend = (norms: readonly Norm[]) => [...new Set(norms)].map((norm) => ({ name: normNames[norm], look: lookOfNorm(norm) }))

/** A norm's choices for a table of settings. */
export const someNorms = <N extends Norm>(...names: readonly N[]) =>
  Object.fromEntries(names.map((name) => [name, normNames[name]])) as Readonly<Record<N, string>>

/** The line that makes a norm, in both languages. */
export interface NormCode {
  pytorch: string
  evenkeel: string
}

/** How a norm for inputs of `shape` is written. */
export function normCode(
  norm: Norm,
  shape: readonly number[],
  { groups = 1, normalizedAxes = shape.length - 1 }: { groups?: number; normalizedAxes?: number } = {},
): NormCode {
  const channels = shape[1]
  const dimensions = Math.max(1, shape.length - 2)
  const trailing = shape.slice(shape.length - normalizedAxes)
  const sizes = trailing.length === 1 ? String(trailing[0]) : `[${trailing.join(', ')}]`
  switch (norm) {
    case 'none':
      return { pytorch: 'nn.Identity()', evenkeel: 'new nn.Identity()' }
    case 'batch':
      return both(`nn.BatchNorm${dimensions}d(${channels})`)
    case 'layer':
      return both(`nn.LayerNorm(${sizes})`)
    case 'group':
      return both(`nn.GroupNorm(${groups}, ${channels})`)
    case 'instance':
      return {
        pytorch: `nn.InstanceNorm${dimensions}d(${channels}, affine=True)`,
        evenkeel: `new nn.InstanceNorm${dimensions}d(${channels}, { affine: true })`,
      }
    case 'rms':
      return both(`nn.RMSNorm(${sizes})`)
  }
}

const both = (code: string): NormCode => ({ pytorch: code, evenkeel: `new ${code}` })
