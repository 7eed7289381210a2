import type { Shape } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import { detach } from '../views.js'

/** The elements under another shape, outside the graph, for a kernel: a view where the strides allow one, else a copy. */
export const asContiguousShape = (x: Tensor, shape: Shape): Tensor => detach(x).reshape(shape)

/** After the kernel: a copy that `asContiguousShape` had to make of x is released. */
export function releaseCopy(copy: Tensor, x: Tensor): void {
  if (copy.storage !== x.storage) copy.dispose()
}
