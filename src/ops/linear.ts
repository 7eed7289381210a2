import { record } from '../autograd/index.js'
import { dtypes } from '../core/dtype.js'
import { checkOptions, RuntimeError } from '../core/errors.js'
import { formatShape, numelOf, type Shape, sameShape } from '../core/shape.js'
import { checkOptionalTensor, checkTensor, type Tensor } from '../core/tensor.js'
import type { View } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import type { ActivationName } from './activation.js'
import { type Activatable, type Activation, withActivation } from './activation-rule.js'
import { composed } from './composed.js'
import { toActivation } from './epilogue.js'

/** x as a matrix: all axes but the last are rows. */
const asRows = (x: Tensor): Tensor => (x.ndim === 2 ? x : x.reshape([numelOf(x.shape.slice(0, -1)), x.shape[x.ndim - 1]]))

/** The elements of x as a batch of one matrix. */
const batchOf = ({ storage, dtype, offset }: Tensor, shape: Shape, strides: Shape): View => {
  return { storage, dtype, offset, shape: [1, ...shape], strides: [0, ...strides] }
}

export interface LinearOptions {
  /** Applied in the same pass, with its default options. Default null. */
  activation?: ActivationName | Activation | null
}

/**
 * y = activation(x weightᵀ + bias). As `torch.nn.functional.linear`; the activation, which is none by default, gives the bits of a separate one.
 * @param x [*, K];  weight [N, K], or [K] for a result without last axis;  bias broadcastable to [N], or null
 * @returns [*, N]
 * @throws RuntimeError where sizes or dtypes don't fit, ValueError for an unknown activation
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: LinearOptions = {}): Tensor {
  checkOptions('linear', options, ['activation'])
  checkTensor('linear', 'input', x)
  checkTensor('linear', 'weight', weight)
  checkOptionalTensor('linear', 'bias', bias)
  if (x.ndim === 0 || weight.ndim === 0) {
    throw new RuntimeError(`both arguments to linear need to be at least 1D, but they are ${x.ndim}D and ${weight.ndim}D`)
  }
  if (weight.ndim > 2) throw new RuntimeError(`t() expects a tensor with <= 2 dimensions, but self is ${weight.ndim}D`)
  if (x.dtype !== weight.dtype) {
    throw new RuntimeError(`expected m1 and m2 to have the same dtype, but got: ${dtypes[x.dtype].cppName} != ${dtypes[weight.dtype].cppName}`)
  }
  if (weight.ndim === 1) {
    if (bias) throw new RuntimeError('mat2 must be a matrix, got 1-D tensor')
    return linear(x, weight.unsqueeze(0), null, options).squeeze(-1)
  }
  const [outputs, inputs] = weight.shape
  const rows = numelOf(x.shape.slice(0, -1))
  if (x.shape[x.ndim - 1] !== inputs) {
    throw new RuntimeError(`mat1 and mat2 shapes cannot be multiplied (${rows}x${x.shape[x.ndim - 1]} and ${inputs}x${outputs})`)
  }
  if (bias) {
    if (bias.dtype !== x.dtype)
      throw new RuntimeError(`Input type (${dtypes[x.dtype].cppName}) and bias type (${dtypes[bias.dtype].cppName}) should be the same`)
    if (!sameShape(bias.shape, [outputs])) bias.expand([rows, outputs]) // throws where it can't be
  }
  const { activation } = options
  const operation: Activatable = {
    shape: [...x.shape.slice(0, -1), outputs],
    dtype: x.dtype,
    inputs: [x, weight, bias],
    compute(z, activated) {
      const matrix = asRows(x.detach())
      const start = bias?.detach().expand([1, rows, outputs])
      const result = (t: Tensor) => batchOf(t, [rows, outputs], [outputs, 1])
      const [operand, factor] = [batchOf(matrix, matrix.shape, matrix.strides), batchOf(weight, [inputs, outputs], [weight.strides[1], weight.strides[0]])]
      kernels.matmul(operand, factor, result(z), start, activated && { ...activated, y: result(activated.y) })
      if (matrix.storage !== x.storage) matrix.storage.release('by linear, which made it')
    },
    record: (z) =>
      record(z, {
        name: 'AddmmBackward0',
        inputs: [x, weight, bias],
        saved: [weight.requiresGrad ? x : null, x.requiresGrad ? weight : null],
        // With y = linear(x, w): dx = dy w and dw = dyᵀ x are linear(dy, wᵀ) and linear(dyᵀ, xᵀ).
        backward: (dy, _, [needsX, needsWeight, needsBias]) => [
          needsX ? linear(dy, weight.t()) : null,
          needsWeight ? linear(asRows(dy).t(), asRows(x).t()) : null,
          needsBias ? asRows(dy) : null,
        ],
      }),
  }
  return withActivation(operation, activation ? toActivation('linear', activation) : null)
}

/**
 * y[.., o] = Σᵢⱼ a[.., i] weight[o, i, j] b[.., j] + bias[o]. As `torch.nn.functional.bilinear`.
 * @param a [*, I];  b [*, J], with the same leading sizes;  weight [O, I, J];  bias [O] or null
 * @returns [*, O]
 * @throws RuntimeError with PyTorch's texts where sizes don't fit
 */
export function bilinear(a: Tensor, b: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  checkTensor('bilinear', 'a', a)
  checkTensor('bilinear', 'b', b)
  checkTensor('bilinear', 'weight', weight)
  checkOptionalTensor('bilinear', 'bias', bias)
  if (a.ndim !== b.ndim) throw new RuntimeError(`bilinear(): input dimensions do not match: got ${a.ndim} and ${b.ndim}`)
  for (let d = 0; d < a.ndim - 1; d++) {
    if (a.shape[d] !== b.shape[d]) throw new RuntimeError(`bilinear(): input batch dimensions do not match at dim ${d}: got ${a.shape[d]} and ${b.shape[d]}`)
  }
  if (weight.ndim !== 3) throw new RuntimeError(`bilinear(): weight must be 3-dimensional, got ${formatShape(weight.shape)}`)
  const [outputs, left, right] = weight.shape
  const check = (input: string, got: number | undefined, expected: number) => {
    if (got !== expected) throw new RuntimeError(`bilinear(): ${input} size does not match weight size: got ${got} but expected ${expected}`)
  }
  check('input1', a.shape.at(-1), left)
  check('input2', b.shape.at(-1), right)
  if (bias) check('bias', bias.shape[0], outputs)
  const lead = a.shape.slice(0, -1)
  return composed([a, b, weight, bias], () => {
    // Σᵢ a[i] weight[o, i, j] as one matrix product, then a weighted sum over j.
    const partial = linear(a, weight.permute(0, 2, 1).reshape([outputs * right, left])).reshape([...lead, outputs, right])
    const y = partial.mul(b.unsqueeze(-2)).sum(-1)
    return bias ? y.add(bias) : y
  })
}
