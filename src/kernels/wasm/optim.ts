import { allocator } from '../../core/allocator.js'
import { numelOf } from '../../core/shape.js'
import type { Kernels, Update, UpdateOptions, UpdateRule, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { launch, withScratch } from './launch.js'
import { address, blocksOf, isContiguousFloat32 } from './views.js'

/** 4-byte entries of a tensor's row in the table: counts and addresses, then numbers; see assembly/optim.ts. */
const ROW = 16
const STATES = 3
const NUMBERS = 4 + STATES

/** Fills the table of a launch. @returns its blocks */
function fillTable(ptr: number, rows: readonly Update[], { maximize, weightDecay, kept }: UpdateOptions): number {
  const { buffer } = allocator().memory
  const words = new Uint32Array(buffer, ptr, rows.length * ROW)
  const floats = new Float32Array(buffer, ptr, rows.length * ROW)
  let blocks = 0
  rows.forEach(({ parameter, grad, states, numbers }, row) => {
    const at = row * ROW
    const n = numelOf(parameter.shape)
    words[at] = blocks
    words[at + 1] = n
    words[at + 2] = address(parameter)
    words[at + 3] = address(grad)
    for (let k = 0; k < STATES; k++) {
      const state = states[k] ?? null
      words[at + 4 + k] = state === null ? 0 : address(state)
    }
    floats[at + NUMBERS] = maximize ? -1 : 1
    floats[at + NUMBERS + 1] = weightDecay
    floats[at + NUMBERS + 2] = kept
    for (let k = 0; k < numbers.length; k++) floats[at + NUMBERS + 3 + k] = numbers[k]
    blocks += blocksOf(n)
  })
  return blocks
}

const isKnown = (view: View | null): boolean => view === null || isContiguousFloat32(view)
const areKnown = ({ parameter, grad, states }: Update): boolean => isKnown(parameter) && isKnown(grad) && states.every(isKnown)

/** Whether no two of the parameters lie in one storage: what is there twice has to be changed twice, one after the other. */
const areApart = (updates: readonly Update[]): boolean => new Set(updates.map((t) => t.parameter.storage)).size === updates.length

/** All tensors that the kernels know in one launch where that is possible, the rest by the reference. */
function optimizerStep(rule: UpdateRule, updates: readonly Update[], options: UpdateOptions): void {
  const known = updates.filter(areKnown)
  if (known.length < updates.length) {
    reference.optimizerStep(
      rule,
      updates.filter((u) => !areKnown(u)),
      options,
    )
  }
  if (known.length === 0) return
  for (const rows of areApart(known) ? [known] : known.map((u) => [u])) {
    withScratch(rule, rows.length * ROW * 4, (ptr) => {
      const blocks = fillTable(ptr, rows, options)
      launch(rule, blocks, ptr, rows.length)
    })
  }
}

export const optimizers = { optimizerStep } satisfies Partial<Kernels>
