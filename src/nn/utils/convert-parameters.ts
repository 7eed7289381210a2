import { noGrad } from '../../autograd/index.js'
import { RuntimeError } from '../../core/errors.js'
import { checkTensorList, Tensor } from '../../core/tensor.js'
import { cat } from '../../ops/join.js'
import '../../ops/methods.js'

function tensorsOf(owner: string, parameters: Iterable<Tensor>): readonly Tensor[] {
  const list: unknown = typeof parameters?.[Symbol.iterator] === 'function' ? [...parameters] : parameters
  checkTensorList(owner, list)
  return list
}

/** All parameters, flattened, behind each other in one vector; gradients flow through. As `torch.nn.utils.parameters_to_vector`. */
export const parametersToVector = (parameters: Iterable<Tensor>): Tensor => cat(tensorsOf('parametersToVector', parameters).map((p) => p.reshape([-1])))

/**
 * Copies a vector as `parametersToVector` makes it into the parameters. As `torch.nn.utils.vector_to_parameters`, but the parameters keep
 * their own memory.
 * @throws RuntimeError where the vector has not as many elements as the parameters; then nothing was changed
 */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  if (!(vector instanceof Tensor)) throw new TypeError(`expected torch.Tensor, but got: ${vector === null ? 'null' : typeof vector}`)
  const list = tensorsOf('vectorToParameters', parameters)
  const count = list.reduce((sum, p) => sum + p.numel(), 0)
  if (vector.ndim !== 1 || vector.numel() !== count) {
    throw new RuntimeError(`vectorToParameters: the parameters have ${count} elements, got a vector of shape [${vector.shape.join(', ')}]`)
  }
  noGrad(() => {
    let start = 0
    for (const p of list) {
      p.copy_(vector.narrow(0, start, p.numel()).view(p.shape))
      start += p.numel()
    }
  })
}
