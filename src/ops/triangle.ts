import { RuntimeError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { where } from './binary.js'
import { arange } from './create.js'

/** Column minus row of each element of the matrices that the last two dimensions span. */
function diagonals(owner: string, x: Tensor): Tensor {
  if (x.ndim < 2) throw new RuntimeError(`${owner}: input tensor must have at least 2 dimensions`)
  const [rows, columns] = x.shape.slice(-2)
  return arange(columns).sub(arange(rows).unsqueeze(1))
}

/** The lower triangle of matrices, zeros above `diagonal`. As `torch.tril`. */
export const tril = (x: Tensor, diagonal = 0): Tensor => where(diagonals('tril', x).le(diagonal), x, 0)

/** The upper triangle of matrices, zeros below `diagonal`. As `torch.triu`. */
export const triu = (x: Tensor, diagonal = 0): Tensor => where(diagonals('triu', x).ge(diagonal), x, 0)
