import { kindOf, ValueError } from '../core/errors.js'
import { formatShape } from '../core/shape.js'
import { emptyTensor, Tensor } from '../core/tensor.js'
import { narrow } from '../ops/index.js'
import type { Collated } from './collate.js'
import { checkIndex, type Dataset } from './dataset.js'

/**
 * What language models learn from: pieces of a long row of tokens, and for each token the one that follows. Sample i is
 * [tokens[i·length .. i·length + length), the same one place further], both int64 [length]; batches are [batch, length].
 * What is left at the end and fills no piece is not used.
 * @throws ValueError where tokens are not int64 [n] with n of at least length + 1
 */
export class NextTokenDataset implements Dataset<readonly [Tensor, Tensor]> {
  readonly length: number

  constructor(
    readonly tokens: Tensor,
    /** Tokens in a sample. */
    readonly sequenceLength: number,
  ) {
    if (!(tokens instanceof Tensor)) throw new TypeError(`NextTokenDataset: expected a tensor of tokens, got ${kindOf(tokens)}`)
    if (tokens.dtype !== 'int64' || tokens.ndim !== 1)
      throw new ValueError(`NextTokenDataset: expected tokens as int64 [n], got ${tokens.dtype} ${formatShape(tokens.shape)}`)
    if (!(Number.isInteger(sequenceLength) && sequenceLength > 0))
      throw new ValueError(`NextTokenDataset: the length of a sequence must be a positive whole number, got ${sequenceLength}`)
    const [count] = tokens.shape
    if (count <= sequenceLength)
      throw new ValueError(`NextTokenDataset: a sequence of ${sequenceLength} tokens and the one that follows need ${sequenceLength + 1}, got ${count}`)
    this.length = Math.floor((count - 1) / sequenceLength)
  }

  get(index: number): readonly [Tensor, Tensor] {
    checkIndex(index, this.length)
    const { tokens, sequenceLength } = this
    const start = index * sequenceLength
    return [narrow(tokens, 0, start, sequenceLength), narrow(tokens, 0, start + 1, sequenceLength)]
  }

  batch(indices: readonly number[]): Collated<readonly [Tensor, Tensor]> {
    const { tokens, sequenceLength } = this
    const inputs = emptyTensor([indices.length, sequenceLength], 'int64')
    const targets = emptyTensor([indices.length, sequenceLength], 'int64')
    const [from, x, y] = [tokens.data, inputs.data, targets.data]
    for (const [row, index] of indices.entries()) {
      checkIndex(index, this.length)
      const start = index * sequenceLength
      for (let i = 0; i < sequenceLength; i++) {
        x[row * sequenceLength + i] = from[start + i]
        y[row * sequenceLength + i] = from[start + i + 1]
      }
    }
    return [inputs, targets]
  }
}
