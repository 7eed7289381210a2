import { F, ones, type Tensor, zeros } from '../src/index.js'
import { differentiable, type JaxArray, type Problem, type TfTensor, versus } from './differentiable.js'
import type { Jax, Tfjs } from './peers.js'
import { product, type Workload } from './workload.js'

/** The norms. Bytes per element: what each pass has to read and write, twice where the statistics need a pass of their own. */

const EPS = 1e-5

interface Norm {
  name: string
  description: string
  shape: readonly number[]
  /** Shape of weight and bias. */
  parameters: readonly number[]
  /** What the input is seen as, where that differs from its shape. */
  seenAs?: readonly number[]
  /** Axes of one statistic in that. */
  axes: readonly number[]
  /** Without a mean and a bias: RMSNorm. */
  centered?: boolean
  bytes: number
  backward?: boolean
  /** Ours over PyTorch's median. */
  target?: number
  ours(): (x: Tensor, weight: Tensor, bias: Tensor) => Tensor
  torch: string
}

/** Weight and bias against the input: a size for each channel, or the trailing sizes. */
const broadcast = (n: Norm): number[] =>
  n.parameters.length === 1 && n.parameters[0] === n.shape[1] && n.shape.length > 2 ? [1, n.shape[1], ...n.shape.slice(2).map(() => 1)] : [...n.parameters]

const jax =
  (n: Norm) =>
  ({ numpy: np }: Jax) =>
  (input: JaxArray, weight: JaxArray, bias?: JaxArray): JaxArray => {
    let x = input.reshape([...(n.seenAs ?? n.shape)])
    if (n.centered !== false) {
      const mean = np.mean(x.ref, [...n.axes], { keepdims: true })
      x = x.sub(mean)
    }
    const variance = np.mean(x.ref.mul(x.ref), [...n.axes], { keepdims: true })
    const y = x.mul(np.reciprocal(np.sqrt(variance.add(EPS)))).reshape([...n.shape])
    const scaled = y.mul(weight.reshape(broadcast(n)))
    return bias ? scaled.add(bias.reshape(broadcast(n))) : scaled
  }

const tfjs = (n: Norm) => (tf: Tfjs) => ({
  apply: (input: TfTensor, weight: TfTensor, bias?: TfTensor): TfTensor => {
    let x = input.reshape([...(n.seenAs ?? n.shape)])
    let variance: TfTensor
    if (n.centered === false) variance = x.square().mean([...n.axes], true)
    else {
      const moments = tf.moments(x, [...n.axes], true)
      x = x.sub(moments.mean)
      variance = moments.variance
    }
    const y = x.mul(variance.add(EPS).rsqrt()).reshape([...n.shape])
    const scaled = y.mul(weight.reshape(broadcast(n)))
    return bias ? scaled.add(bias.reshape(broadcast(n))) : scaled
  },
})

function workload(n: Norm): Workload {
  const problem: Problem = {
    name: n.name,
    description: n.description,
    inputs: n.centered === false ? [n.shape, n.parameters] : [n.shape, n.parameters, n.parameters],
    output: n.shape,
    backward: n.backward ?? true,
    bytes: n.bytes * product(n.shape),
    ours: n.ours,
    jax: jax(n),
    tfjs: tfjs(n),
    torch: n.torch,
    targets: n.target === undefined ? undefined : [versus('torch', n.target)],
  }
  return differentiable(problem)
}

function batch(...shape: number[]): Workload {
  const channels = shape[1]
  return workload({
    name: `bn_${shape.join('x')}`,
    description: `BatchNorm2d, running statistics updated, [${shape}]`,
    shape,
    parameters: [channels],
    axes: [0, 2, 3],
    bytes: 32,
    target: 0.4,
    ours: () => {
      const [mean, variance] = [zeros([channels]), ones([channels])]
      return (x, w, b) => F.batchNorm(x, mean, variance, w, b, { training: true })
    },
    torch: `(lambda mean, var: lambda x, w, b: F.batch_norm(x, mean, var, w, b, training=True))(torch.zeros(${channels}), torch.ones(${channels}))`,
  })
}

function layer(shape: number[], normalized: number[], part: 'both' | 'fwd' = 'both'): Workload {
  return workload({
    name: `ln_${shape.join('x')}${part === 'fwd' ? '_fwd' : ''}`,
    description: `LayerNorm([${normalized}]) of [${shape}]`,
    shape,
    parameters: normalized,
    axes: normalized.map((_, i) => shape.length - normalized.length + i),
    bytes: part === 'fwd' ? 8 : 20,
    backward: part === 'both',
    target: part === 'both' ? 1 : undefined,
    ours: () => (x, w, b) => F.layerNorm(x, normalized, w, b),
    torch: `lambda x, w, b: F.layer_norm(x, ${JSON.stringify(normalized)}, w, b)`,
  })
}

const images = [16, 32, 28, 28]

export const norms: readonly Workload[] = [
  batch(16, 32, 28, 28),
  batch(32, 3, 224, 224),
  batch(64, 64, 56, 56),
  layer([256, 1024], [1024]),
  layer([256, 1024], [1024], 'fwd'),
  layer([32, 3, 224, 224], [3, 224, 224]),
  layer([32, 3, 224, 224], [3, 224, 224], 'fwd'),
  layer([8, 128, 256], [256]),
  workload({
    name: 'rms_256x1024',
    description: 'RMSNorm(1024) of [256,1024]',
    shape: [256, 1024],
    parameters: [1024],
    axes: [1],
    centered: false,
    bytes: 20,
    target: 0.4,
    ours: () => (x, w) => F.rmsNorm(x, [1024], w, { eps: EPS }),
    torch: `lambda x, w: F.rms_norm(x, [1024], w, ${EPS})`,
  }),
  workload({
    name: 'gn8_16x32x28x28',
    description: 'GroupNorm(8, 32) of [16,32,28,28]',
    shape: images,
    parameters: [32],
    seenAs: [16, 8, 4 * 28 * 28],
    axes: [2],
    bytes: 20,
    target: 0.9,
    ours: () => (x, w, b) => F.groupNorm(x, 8, w, b),
    torch: 'lambda x, w, b: F.group_norm(x, 8, w, b)',
  }),
  workload({
    name: 'in_16x32x28x28',
    description: 'InstanceNorm2d, affine, of [16,32,28,28]',
    shape: images,
    parameters: [32],
    axes: [2, 3],
    bytes: 20,
    target: 0.35,
    ours: () => (x, w, b) => F.instanceNorm(x, null, null, w, b),
    torch: 'lambda x, w, b: F.instance_norm(x, None, None, w, b)',
  }),
]
