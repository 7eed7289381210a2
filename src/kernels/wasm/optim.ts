import { allocator } from '../../core/allocator.js'
import { numelOf } from '../../core/shape.js'
import type { AdamOptions, AdamTensors, Kernels, SgdOptions, SgdTensors, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { launch, withScratch } from './launch.js'
import { address, blocksOf, isContiguousFloat32 } from './views.js'

/** 4-byte entries of a tensor's row in the table; see assembly/optim.ts. */
const ROW = 9

/** The table of a launch, filled row by row. */
class Table {
  blocks = 0
  private at = 0
  private readonly words: Uint32Array
  private readonly floats: Float32Array

  constructor(ptr: number, rows: number) {
    const { buffer } = allocator().memory
    this.words = new Uint32Array(buffer, ptr, rows * ROW)
    this.floats = new Float32Array(buffer, ptr, rows * ROW)
  }

  /** A row: the tensors, null for absent, and two numbers. */
  add(parameter: View, grad: View, a: View | null, b: View | null, c: View | null, p: number, q: number): void {
    const { words, floats, at } = this
    const n = numelOf(parameter.shape)
    words[at] = this.blocks
    words[at + 1] = n
    words[at + 2] = address(parameter)
    words[at + 3] = address(grad)
    words[at + 4] = a ? address(a) : 0
    words[at + 5] = b ? address(b) : 0
    words[at + 6] = c ? address(c) : 0
    floats[at + 7] = p
    floats[at + 8] = q
    this.at += ROW
    this.blocks += blocksOf(n)
  }
}

const isKnown = (view: View | null): boolean => view === null || isContiguousFloat32(view)

/** Whether no two of the parameters lie in one storage: what is there twice has to be changed twice, one after the other. */
const areApart = (list: readonly { parameter: View }[]): boolean => new Set(list.map((t) => t.parameter.storage)).size === list.length

/**
 * Calls `run` with a table that lists what the kernels can change, all at once where that is possible, and `others` with the rest.
 * @param known whether all tensors of an entry are what kernels know
 */
function inTables<T extends { parameter: View }>(
  owner: string,
  list: readonly T[],
  known: (t: T) => boolean,
  fill: (table: Table, t: T) => void,
  run: (table: number, rows: number, blocks: number) => void,
  others: (list: readonly T[]) => void,
): void {
  const isListed = list.every(known)
  const listed = isListed ? list : list.filter(known)
  if (!isListed) others(list.filter((t) => !known(t)))
  if (listed.length === 0) return
  for (const rows of areApart(listed) ? [listed] : listed.map((t) => [t])) {
    withScratch(owner, rows.length * ROW * 4, (ptr) => {
      const table = new Table(ptr, rows.length)
      for (const t of rows) fill(table, t)
      run(ptr, rows.length, table.blocks)
    })
  }
}

function sgdStep(tensors: readonly SgdTensors[], options: SgdOptions): void {
  const { lr, momentum, dampening, weightDecay, nesterov, maximize } = options
  inTables(
    'SGD',
    tensors,
    ({ parameter, grad, buffer }) => isKnown(parameter) && isKnown(grad) && isKnown(buffer),
    (table, { parameter, grad, buffer, first }) => table.add(parameter, grad, buffer, null, null, first ? 1 : 0, 0),
    (table, rows, blocks) => launch('sgd', blocks, table, rows, lr, momentum, 1 - dampening, weightDecay, maximize ? -1 : 1, nesterov ? 1 : 0),
    (others) => reference.sgdStep(others, options),
  )
}

function adamStep(tensors: readonly AdamTensors[], options: AdamOptions): void {
  const { lr, beta1, beta2, eps, weightDecay, decoupled, maximize } = options
  const penalty = decoupled ? 0 : weightDecay
  const kept = decoupled ? 1 - lr * weightDecay : 1
  inTables(
    'Adam',
    tensors,
    (t) => isKnown(t.parameter) && isKnown(t.grad) && isKnown(t.first) && isKnown(t.second) && isKnown(t.maxSecond),
    (table, { parameter, grad, first, second, maxSecond, step }) =>
      table.add(parameter, grad, first, second, maxSecond, lr / (1 - beta1 ** step), Math.sqrt(1 - beta2 ** step)),
    (table, rows, blocks) => launch('adam', blocks, table, rows, 1 - beta1, beta2, 1 - beta2, eps, penalty, kept, maximize ? -1 : 1),
    (others) => reference.adamStep(others, options),
  )
}

export const optimizers = { sgdStep, adamStep } satisfies Partial<Kernels>
