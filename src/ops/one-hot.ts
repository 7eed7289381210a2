import { indexHint } from '../core/dtype.js'
import { checkNumber, RuntimeError } from '../core/errors.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { zeros } from './create.js'

/**
 * [..., numClasses], int64: 1 at the class that each index names, else 0. As `torch.nn.functional.one_hot`.
 * @param classes int64; `tensor([0, 2], { dtype: 'int64' })` or `x.long()` makes such
 * @param numClasses default -1: one more than the largest index
 * @throws RuntimeError with PyTorch's text for other dtypes, negative indices, and indices of no class
 */
export function oneHot(classes: Tensor, numClasses = -1): Tensor {
  checkTensor('oneHot', 'classes', classes)
  checkNumber('oneHot', 'numClasses', numClasses)
  if (classes.dtype !== 'int64') throw new RuntimeError('one_hot is only applicable to index tensor of type LongTensor.', indexHint(classes.dtype))
  if (classes.numel() === 0) {
    if (numClasses <= 0) throw new RuntimeError('Can not infer total number of classes from empty tensor.')
    return zeros([...classes.shape, numClasses], { dtype: 'int64' })
  }
  if (classes.min().item() < 0) throw new RuntimeError('Class values must be non-negative.')
  const largest = classes.max().item()
  if (numClasses === 0 || numClasses < -1) throw new RuntimeError('num_classes should be positive')
  if (numClasses !== -1 && largest >= numClasses) throw new RuntimeError('Class values must be smaller than num_classes.')
  const shape = [...classes.shape, numClasses === -1 ? largest + 1 : numClasses]
  return zeros(shape, { dtype: 'int64' }).scatter(-1, classes.unsqueeze(-1), 1)
}
