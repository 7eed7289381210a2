import { F } from '../src/index.js'
import { differentiable, versus } from './differentiable.js'
import { product, type Workload } from './workload.js'

/** Attention. */

const shape = [8, 4, 256, 32]
const [, , length, size] = shape
const SCALE = 1 / Math.sqrt(size)

/** Forward 2 products of [L, E] and [E, L], backward 5, of which a causal one needs half. */
const flops = (7 * 2 * product(shape) * length) / 2

const causal = differentiable({
  name: 'sdpa_8x4x256x32',
  description: 'causal attention, [8,4,256,32]',
  inputs: [shape, shape, shape],
  output: shape,
  backward: true,
  flops,
  ours: () => (q, k, v) => F.scaledDotProductAttention(q, k, v, { isCausal: true }),
  jax: (jax) => {
    const { numpy: np } = jax
    const future = () => np.where(np.tri(length, length).greater(0.5), 0, -1e30)
    return (q, k, v) => {
      const scores = np
        .matmul(q, np.transpose(k, [0, 1, 3, 2]))
        .mul(SCALE)
        .add(future())
      return np.matmul(jax.nn.softmax(scores, -1), v)
    }
  },
  tfjs: (tf) => {
    const future = tf.linalg
      .bandPart(tf.ones([length, length]), -1, 0)
      .sub(1)
      .mul(1e30)
    return { apply: (q, k, v) => tf.matMul(tf.softmax(tf.matMul(q, k, false, true).mul(SCALE).add(future)), v) }
  },
  torch: 'lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)',
  targets: [versus('torch128', 0.55)],
})

export const attention: readonly Workload[] = [causal]
