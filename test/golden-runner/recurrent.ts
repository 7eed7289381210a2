import { F, nn, ones, stack, type Tensor } from '../../src/index.js'
import { check } from './compare.js'
import type { Family, GoldenCase } from './data.js'
import { checkLoss, checkRepr, construct, expectError, forward, loadStored, type Runner } from './kinds.js'
import type { Problem } from './trajectory.js'

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

/** The data's names for the one layer of a LayerNormLSTM: `ln_ih.weight` is `ln_ih_l0.weight`. */
const withoutLayer = (name: string): string => name.replace(/_l0(?=\.|$)/, '').replace('ln_cell', 'ln_c')

/** Kind `composed`: an LSTM with layer normalization, written by hand there, as our layer. */
export const runComposedLstm: Runner = (family, c, errors) => {
  check(/^LSTM cell with layer normalization/.test(c.definition ?? ''), `don't know '${c.definition}'`)
  const [inputSize, hiddenSize] = (c.init?.args ?? []).map(Number)
  const input = family.array(c, 'input').requiresGrad_()
  const layer = new nn.LayerNormLSTM(inputSize, hiddenSize, { eps: Number(c.init?.kwargs.eps), dtype: input.dtype })
  const parameters = layer.namedParameters().map(([name, p]): [string, Tensor] => [withoutLayer(name), p])
  for (const [name, p] of parameters) p.detach().copy_(family.array(c, `param.${name}`))
  const [h0, c0] = ['h0', 'c0'].map((name) => family.array(c, name).requiresGrad_())
  const [output, [hn, cn]] = layer.forward(input, [h0.unsqueeze(0), c0.unsqueeze(0)])
  const leaves = new Map([['input', input], ['h0', h0], ['c0', c0], ...parameters])
  checkLoss(
    family,
    c,
    [
      ['output', output],
      ['hn', hn.squeeze(0)],
      ['cn', cn.squeeze(0)],
    ],
    leaves,
    errors,
  )
}

/** Embedding, an LSTM with layer normalization, Linear. */
class CharLSTM extends nn.Module {
  readonly embed: nn.Embedding
  readonly cell: nn.LayerNormLSTM
  readonly head: nn.Linear

  constructor(sizes: readonly number[]) {
    super()
    const [characters, features, hidden] = sizes
    this.embed = new nn.Embedding(characters, features)
    this.cell = new nn.LayerNormLSTM(features, hidden, { batchFirst: true })
    this.head = new nn.Linear(hidden, characters)
  }

  override forward(ids: Tensor): Tensor {
    return this.head.forward(this.cell.forward(this.embed.forward(ids))[0])
  }
}

/** A trajectory on text: rows of neighbouring characters, each to be followed by the next. */
export function textProblem(family: Family, c: GoldenCase): Problem {
  const printed = /Embedding\((\d+), (\d+)\)[\s\S]*in_features=(\d+)/.exec(c.modules ?? '')
  const rule = /starts at \(\(i\*(\d+)\+j\)\*(\d+)\) mod \(len - (\d+) - 1\)/.exec(c.rule ?? '')
  check(printed !== null && rule !== null, `don't know the network or the rule '${c.rule}'`)
  const model = new CharLSTM(printed.slice(1).map(Number))
  const [rows, stride, length] = rule.slice(1).map(Number)
  const ids = family.array(c, 'token_ids')
  check(
    [...(c.text ?? '')].every((char, i) => c.vocabulary?.[Number(ids.data[i])] === char),
    'the ids are not those of the text',
  )
  const batch = (step: number, shift: number) =>
    stack(Array.from({ length: rows }, (_, j) => ids.narrow(0, (((step * rows + j) * stride) % (ids.shape[0] - length - 1)) + shift, length)))
  return {
    model,
    storedName: withoutLayer,
    loss: (step) => F.crossEntropy(model.forward(batch(step, 0)).flatten(0, 1), batch(step, 1).flatten()),
    evaluate: () => model.forward(ids.narrow(0, 0, Number(/first (\d+) characters/.exec(c.evaluation ?? '')?.[1])).unsqueeze(0)),
  }
}
