import { numelOf, type Shape } from '../../src/core/shape.js'
import { sharing } from '../../src/experiments/axes/share.js'
import { batchNormAxes, groupNormAxes, instanceNormAxes, type NormAxes, normInWords, normKinds, trailingAxes } from '../../src/ops/norm/axes.js'
import type { AxesSettings } from './settings.js'

/** The block on the screen: its axes, and which of its cells share a statistic, as the library says (`ops/norm/axes.ts`). */
export interface Block {
  /** `[3, 4, 3, 3]` */
  shape: Shape
  /** `['N', 'C', 'H', 'W']` */
  names: readonly string[]
  norm: NormAxes
  /** What `normalizedShape` is for the norms that take one. */
  normalizedShape: Shape
  /** Of each cell, the number of its statistic. */
  groupOf: Int32Array
  groups: number
  /** Cells of each group, in order. */
  members: Int32Array[]
  /** Of each cell, the index of its weight and bias. */
  parameterOf: Int32Array
  parameters: number
  /** `one mean and variance for each channel, over batch and positions` */
  words: { each: string; over: string }
}

/** Sizes that fit together: what the settings ask for, and what was changed so that it can be. */
export function fitted(settings: AxesSettings): { settings: AxesSettings; notes: string[] } {
  const notes: string[] = []
  const fit = { ...settings }
  if (fit.norm === 'group' && fit.c % fit.groups !== 0) {
    const dividers = Array.from({ length: fit.c }, (_, i) => i + 1).filter((g) => fit.c % g === 0)
    fit.groups = dividers.reduce((best, g) => (Math.abs(g - settings.groups) < Math.abs(best - settings.groups) ? g : best))
    notes.push(`${settings.groups} groups don't divide ${fit.c} channels: ${fit.groups} ${fit.groups === 1 ? 'is' : 'are'} shown.`)
  }
  if (fit.norm === 'instance' && fit.input === 'table') {
    fit.input = 'sequence'
    notes.push('InstanceNorm takes its statistics over positions, which rows (N, C) do not have: sequences are shown.')
  }
  const rank = axesOf(fit).names.length
  if (fit.trailing > rank) {
    fit.trailing = rank
    if (fit.norm === 'layer' || fit.norm === 'rms') notes.push(`The block has ${rank} axes, so normalizedShape takes ${rank} of them.`)
  }
  return { settings: fit, notes }
}

function axesOf({ input, n, c, h, w, l }: AxesSettings): { names: string[]; shape: number[] } {
  if (input === 'image') return { names: ['N', 'C', 'H', 'W'], shape: [n, c, h, w] }
  if (input === 'sequence') return { names: ['N', 'L', 'C'], shape: [n, l, c] }
  return { names: ['N', 'C'], shape: [n, c] }
}

/** Channels are the last axis of sequences; norms over channels see them transposed, [N, C, L], as PyTorch's do. */
export const channelsFirst = ({ input, norm }: AxesSettings): boolean => input === 'sequence' && norm !== 'layer' && norm !== 'rms'

const axisNames: Readonly<Record<string, string>> = { N: 'sample', C: 'channel', H: 'row', W: 'column', L: 'step' }
export const axisName = (letter: string): string => axisNames[letter] ?? letter

export function blockOf(settings: AxesSettings): Block {
  const { names, shape } = axesOf(settings)
  const transposed = channelsFirst(settings)
  const seen = transposed ? [shape[0], shape[2], shape[1]] : shape
  const normalizedShape = shape.slice(shape.length - settings.trailing)
  const norm = normAxes(settings, seen, normalizedShape)
  const { group, parameter, groups, parameters } = sharing(norm)
  const order = seenOrder(shape, transposed)
  const groupOf = Int32Array.from(order, (i) => group[i])
  const members: number[][] = Array.from({ length: groups }, () => [])
  groupOf.forEach((g, cell) => void members[g].push(cell))
  return {
    shape,
    names,
    norm,
    normalizedShape,
    groupOf,
    groups,
    members: members.map((list) => Int32Array.from(list)),
    parameterOf: Int32Array.from(order, (i) => parameter[i]),
    parameters,
    words: wordsOf(settings, names),
  }
}

/** For each cell of the block, where it lies in what the norm sees. */
export function seenOrder(shape: Shape, transposed: boolean): Int32Array {
  const [, length, channels] = shape
  const place = (cell: number) => {
    const c = cell % channels
    const l = Math.floor(cell / channels) % length
    return (Math.floor(cell / (channels * length)) * channels + c) * length + l
  }
  return Int32Array.from({ length: numelOf(shape) }, (_, cell) => (transposed ? place(cell) : cell))
}

function normAxes({ norm, groups }: AxesSettings, shape: Shape, normalizedShape: Shape): NormAxes {
  switch (norm) {
    case 'batch':
      return batchNormAxes(shape)
    case 'instance':
      return instanceNormAxes(shape)
    case 'group':
      return groupNormAxes(shape, groups)
    default:
      return trailingAxes(normKinds[norm], shape, normalizedShape)
  }
}

/** The library's words for a norm's axes, in the letters of this block. */
function wordsOf({ norm, trailing, input }: AxesSettings, names: readonly string[]): Block['words'] {
  const words = normInWords(normKinds[norm])
  const positions = input === 'image' ? ['H', 'W'] : input === 'sequence' ? ['L'] : []
  const spelled: Record<string, string[]> = {
    L: positions,
    G: ['group'],
    'C / G': ['C within the group'],
    '*': names.slice(0, names.length - trailing),
    normalizedShape: names.slice(names.length - trailing),
  }
  const list = (text: string) =>
    text
      .split(', ')
      .filter(Boolean)
      .flatMap((part) => spelled[part] ?? [part])
      .join(', ')
  return { each: list(words.statistics), over: list(words.over) }
}

/** `sample 1, channel 2, row 1, column 3` */
export function cellName({ shape, names }: Block, cell: number): string {
  const at = positionOf(shape, cell)
  return names.map((letter, axis) => `${axisName(letter)} ${at[axis] + 1}`).join(', ')
}

export function positionOf(shape: Shape, cell: number): number[] {
  const at = new Array<number>(shape.length)
  let rest = cell
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at[axis] = rest % shape[axis]
    rest = Math.floor(rest / shape[axis])
  }
  return at
}
