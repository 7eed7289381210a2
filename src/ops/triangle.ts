import { RuntimeError } from '../core/errors.js'
import { scope } from '../core/storage.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { where } from './binary.js'
import { composed } from './composed.js'
import { arange } from './create.js'

/** Where `within` is true of column minus row, in the matrices that the last two dimensions span: x, else 0. */
function triangle(owner: string, x: Tensor, within: (diagonals: Tensor) => Tensor): Tensor {
  checkTensor(owner, 'input', x)
  if (x.ndim < 2) throw new RuntimeError(`${owner}: input tensor must have at least 2 dimensions`)
  const [rows, columns] = x.shape.slice(-2)
  return composed([x], () =>
    where(
      scope(() => within(arange(columns).sub(arange(rows).unsqueeze(1)))),
      x,
      0,
    ),
  )
}

/** The lower triangle of matrices, zeros above `diagonal`. As `torch.tril`. */
export const tril = (x: Tensor, diagonal = 0): Tensor => triangle('tril', x, (d) => d.le(diagonal))

/** The upper triangle of matrices, zeros below `diagonal`. As `torch.triu`. */
export const triu = (x: Tensor, diagonal = 0): Tensor => triangle('triu', x, (d) => d.ge(diagonal))
