import { type Arguments, readOptions } from '../../core/arguments.js'
import { IndexError, kindOf, RuntimeError, ValueError } from '../../core/errors.js'
import { checkTensor, checkTensorList, Tensor } from '../../core/tensor.js'
import { full, tensor } from '../../ops/create.js'
import { cat, stack } from '../../ops/join.js'
import { batchSizesOf, isPacked, numbersOf, type PackedSequence } from './packed.js'

export type { PackedSequence } from './packed.js'

/** Sequences of different lengths as one batch. As `torch.nn.utils.rnn`. */

const int64 = (values: readonly number[]): Tensor => tensor(values, { dtype: 'int64', shape: [values.length] })

/** The permutation that undoes one. As `torch.nn.utils.rnn.invert_permutation`. */
export function invertPermutation(permutation: Tensor): Tensor
export function invertPermutation(permutation: Tensor | null): Tensor | null
export function invertPermutation(permutation: Tensor | null): Tensor | null {
  if (permutation === null) return null
  checkTensor('invertPermutation', 'permutation', permutation)
  const order = numbersOf(permutation)
  const inverse = new Array<number>(order.length).fill(-1)
  order.forEach((from, to) => {
    inverse[from] = to
  })
  if (inverse.length !== order.length || inverse.includes(-1)) throw new IndexError(`expected a permutation of ${order.length} indices, got [${order}]`)
  return int64(inverse)
}

function lengthsOf(owner: string, lengths: Tensor | readonly number[]): number[] {
  if (lengths instanceof Tensor) {
    if (lengths.ndim !== 1) throw new RuntimeError(`'lengths' argument should be a 1D CPU int64 tensor, but got ${lengths.ndim}D cpu Long tensor`)
    return numbersOf(lengths).map(Math.trunc)
  }
  if (!Array.isArray(lengths) || lengths.some((n) => typeof n !== 'number' || Number.isNaN(n))) {
    throw new TypeError(`${owner}: lengths must be a tensor or an array of numbers, got ${kindOf(lengths)}`)
  }
  return lengths.map(Math.trunc)
}

export interface PackOptions {
  /** The input is [B, T, ...] rather than [T, B, ...]. Default false. */
  batchFirst?: boolean
  /** The sequences must come longest first; otherwise they are sorted, and what a layer gives is put back into their order. Default true. */
  enforceSorted?: boolean
}

/**
 * Takes the padding out of [T, B, ...]. As `torch.nn.utils.rnn.pack_padded_sequence`, which also accepts lengths beyond the input's.
 * @param lengths of the B sequences, each at least 1
 * @throws RuntimeError with PyTorch's texts for lengths below 1, too few or too many, or unsorted ones with `enforceSorted`
 */
export function packPaddedSequence(
  input: Tensor,
  lengths: Tensor | readonly number[],
  ...args: Arguments<[batchFirst: boolean, enforceSorted: boolean], PackOptions>
): PackedSequence {
  checkTensor('packPaddedSequence', 'input', input)
  const { batchFirst = false, enforceSorted = true } = readOptions<PackOptions>('packPaddedSequence', ['batchFirst', 'enforceSorted'], 2, args)
  const given = lengthsOf('packPaddedSequence', lengths)
  if (input.ndim < 2) throw new IndexError(`Dimension out of range (expected to be in range of [-${input.ndim}, ${input.ndim - 1}], but got 1)`)
  if (input.numel() === 0) throw new RuntimeError('Cannot pack empty tensors.')
  const padded = batchFirst ? input.transpose(0, 1) : input
  const [steps, batch] = padded.shape
  if (given.length !== batch) throw new RuntimeError(`Expected \`len(lengths)\` to be equal to batch_size, but got ${given.length} (batch_size=${batch})`)
  if (given.some((n) => n <= 0)) {
    throw new RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
  }
  if (given.some((n) => n > steps))
    throw new RuntimeError(`Expected lengths of at most ${steps}, the length of the padded input, but got ${Math.max(...given)}`)
  const order = [...given.keys()]
  if (!enforceSorted) order.sort((a, b) => given[b] - given[a])
  const sorted = order.map((i) => given[i])
  if (sorted.some((n, i) => i > 0 && n > sorted[i - 1])) {
    throw new RuntimeError(
      '`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not need ONNX exportability.',
    )
  }
  const batchSizes = Array.from({ length: sorted[0] }, (_, t) => sorted.filter((n) => n > t).length)
  const rows = batchSizes.flatMap((count, t) => order.slice(0, count).map((b) => t * batch + b))
  const data = padded.reshape([steps * batch, ...padded.shape.slice(2)]).indexSelect(0, int64(rows))
  const sortedIndices = enforceSorted ? null : int64(order)
  return { data, batchSizes: int64(batchSizes), sortedIndices, unsortedIndices: invertPermutation(sortedIndices) }
}

export interface PadPackedOptions {
  /** Give [B, T, ...] rather than [T, B, ...]. Default false. */
  batchFirst?: boolean
  /** What stands behind the end of a sequence. Default 0. */
  paddingValue?: number
  /** T, at least the longest length. Default: that. */
  totalLength?: number
}

/**
 * The other way: [T, B, ...], with padding, and int64 [B] lengths, in the order in which the sequences were packed. As
 * `torch.nn.utils.rnn.pad_packed_sequence`.
 * @throws ValueError where `totalLength` is below the longest length
 */
export function padPackedSequence(
  sequence: PackedSequence,
  ...args: Arguments<[batchFirst: boolean, paddingValue: number], PadPackedOptions>
): [padded: Tensor, lengths: Tensor] {
  if (!isPacked(sequence)) throw new TypeError(`padPackedSequence: expected a packed sequence, got ${kindOf(sequence)}`)
  const options = readOptions<PadPackedOptions>('padPackedSequence', ['batchFirst', 'paddingValue', 'totalLength'], 2, args)
  const { batchFirst = false, paddingValue = 0, totalLength } = options
  const { data, unsortedIndices } = sequence
  const sizes = batchSizesOf(sequence)
  const longest = sizes.length
  if (totalLength !== undefined && totalLength < longest) {
    throw new ValueError(
      `Expected total_length to be at least the length of the longest sequence in input, but got total_length=${totalLength} and max sequence length being ${longest}`,
    )
  }
  const steps = totalLength ?? longest
  const batch = sizes[0]
  const starts = sizes.map((_, t) => sizes.slice(0, t).reduce((a, b) => a + b, 0))
  const order = unsortedIndices ? numbersOf(unsortedIndices) : [...Array(batch).keys()]
  // Where there is no element the padding is taken, which stands behind the data.
  const rows = Array.from({ length: steps * batch }, (_, i) => {
    const [t, b] = [Math.floor(i / batch), order[i % batch]]
    return t < longest && b < sizes[t] ? starts[t] + b : data.shape[0]
  })
  const source = cat([data, full([1, ...data.shape.slice(1)], paddingValue, { dtype: data.dtype })])
  const padded = source.indexSelect(0, int64(rows)).reshape([steps, batch, ...data.shape.slice(1)])
  return [batchFirst ? padded.transpose(0, 1) : padded, int64(order.map((b) => sizes.filter((n) => n > b).length))]
}

export interface PadOptions {
  /** Give [B, T, ...] rather than [T, B, ...]. Default false. */
  batchFirst?: boolean
  /** Default 0. */
  paddingValue?: number
  /** `'right'`, behind the end, or `'left'`. Default `'right'`. */
  paddingSide?: 'left' | 'right'
}

/** A tensor is a list of what stands along its first axis. */
function sequenceList(owner: string, sequences: readonly Tensor[] | Tensor): readonly Tensor[] {
  if (sequences instanceof Tensor) return sequences.unbind(0)
  if (!Array.isArray(sequences)) throw new RuntimeError(`${owner}: Expected iterable for input sequences, but got arg of type: ${kindOf(sequences)}`)
  checkTensorList(owner, sequences)
  if (sequences.length === 0) throw new RuntimeError('received an empty list of sequences')
  for (const s of sequences) if (s.ndim === 0) throw new RuntimeError(`${owner}: expected sequences of at least one dimension, got a tensor without any`)
  return sequences
}

/**
 * Sequences [L, ...] of different lengths as one tensor [T, B, ...], T the longest length. As `torch.nn.utils.rnn.pad_sequence`.
 * @throws RuntimeError for an empty list, and where sizes behind the first differ
 */
export function padSequence(
  sequences: readonly Tensor[] | Tensor,
  ...args: Arguments<[batchFirst: boolean, paddingValue: number, paddingSide: 'left' | 'right'], PadOptions>
): Tensor {
  const options = readOptions<PadOptions>('padSequence', ['batchFirst', 'paddingValue', 'paddingSide'], 3, args)
  const { batchFirst = false, paddingValue = 0, paddingSide = 'right' } = options
  const list = sequenceList('pad_sequence', sequences)
  if (paddingSide !== 'left' && paddingSide !== 'right') {
    throw new RuntimeError(`Expected padding_side to be one of left or right, but got ${String(paddingSide)}.`)
  }
  const [first] = list
  const longest = Math.max(...list.map((s) => s.shape[0]))
  const padded = list.map((s) => {
    if (s.shape[0] === longest) return s
    const padding = full([longest - s.shape[0], ...first.shape.slice(1)], paddingValue, { dtype: s.dtype })
    return cat(paddingSide === 'right' ? [s, padding] : [padding, s])
  })
  return stack(padded, batchFirst ? 0 : 1)
}

/** The sequences that `padSequence` padded. As `torch.nn.utils.rnn.unpad_sequence`. @param options.batchFirst the input is [B, T, ...]. Default false. */
export function unpadSequence(
  padded: Tensor,
  lengths: Tensor | readonly number[],
  ...args: Arguments<[batchFirst: boolean], { batchFirst?: boolean }>
): Tensor[] {
  checkTensor('unpadSequence', 'padded', padded)
  const { batchFirst = false } = readOptions<{ batchFirst?: boolean }>('unpadSequence', ['batchFirst'], 1, args)
  if (padded.ndim < 2) throw new IndexError(`Dimension out of range (expected to be in range of [-${padded.ndim}, ${padded.ndim - 1}], but got 1)`)
  const rows = (batchFirst ? padded : padded.transpose(0, 1)).unbind(0)
  return lengthsOf('unpadSequence', lengths)
    .slice(0, rows.length)
    .map((length, i) => rows[i].slice(0, 0, Math.max(0, length)))
}

/** Packs sequences [L, ...] of different lengths. As `torch.nn.utils.rnn.pack_sequence`. @throws RuntimeError as `packPaddedSequence` */
export function packSequence(sequences: readonly Tensor[], ...args: Arguments<[enforceSorted: boolean], { enforceSorted?: boolean }>): PackedSequence {
  const options = readOptions<{ enforceSorted?: boolean }>('packSequence', ['enforceSorted'], 1, args)
  const list = sequenceList('pack_sequence', sequences)
  const lengths = list.map((s) => s.shape[0])
  if (lengths.includes(0)) throw new RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
  return packPaddedSequence(padSequence(list), lengths, options)
}

/** The sequences that were packed, in the order in which they came. As `torch.nn.utils.rnn.unpack_sequence`. */
export function unpackSequence(sequence: PackedSequence): Tensor[] {
  const [padded, lengths] = padPackedSequence(sequence, true)
  return unpadSequence(padded, lengths, true)
}
