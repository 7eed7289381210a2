import { nn, ones, type Tensor } from '../../src/index.js'
import { check } from './compare.js'
import { checkLoss, checkRepr, construct, expectError, forward, loadStored, type Runner } from './kinds.js'

/** Kinds of the family `recurrent`. */

const { packPaddedSequence, padPackedSequence } = nn.utils.rnn
type Packed = nn.utils.rnn.PackedSequence

const list = (t: Tensor | null): string => JSON.stringify(t && Array.from(t.data, Number))

/** Kind `packed`: a padded batch is packed, goes through the layer, and is padded again. */
export const runPacked: Runner = (family, c, errors) => {
  const module = construct(c)
  checkRepr(c, module)
  loadStored(family, c, module)
  const input = family.array(c, 'input').requiresGrad_()
  const batchFirst = c.batch_first ?? false
  const packed = packPaddedSequence(input, c.lengths ?? [], { batchFirst, enforceSorted: c.enforce_sorted })
  check(list(packed.batchSizes) === JSON.stringify(c.batch_sizes), `batch sizes are ${list(packed.batchSizes)}, expected ${c.batch_sizes}`)
  check(list(packed.sortedIndices) === JSON.stringify(c.sorted_indices), `sorted indices are ${list(packed.sortedIndices)}, expected ${c.sorted_indices}`)
  const [sequence, states] = forward(module, [packed]) as [Packed, Tensor | [Tensor, Tensor]]
  const [output, lengths] = padPackedSequence(sequence, { batchFirst })
  const [hn, cn] = Array.isArray(states) ? states : [states, null]
  const results: [string, Tensor][] = [
    ['output', output],
    ['hn', hn],
    ...(cn ? ([['cn', cn]] as [string, Tensor][]) : []),
    ['packed_data', sequence.data],
    ['lengths_out', lengths],
  ]
  checkLoss(family, c, results, new Map([['input', input], ...module.namedParameters()]), errors)
}

/** The data give no arguments for these: the name says what was wrong. */
const wrongLengths: Readonly<Record<string, number[]>> = { error_pack_unsorted: [2, 5, 3], error_pack_zero: [5, 3, 0] }

export const runPackError: Runner = (_, c) => {
  const lengths = wrongLengths[c.name]
  check(lengths !== undefined, `don't know how to provoke ${c.name}`)
  expectError(c, () => packPaddedSequence(ones([5, 3, 2]), lengths))
}
