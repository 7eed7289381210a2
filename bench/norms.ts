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
    description: `BatchNorm${shape.length === 2 ? 1 : 2}d, running statistics updated, [${shape}]`,
    shape,
    parameters: [channels],
    axes: shape.map((_, axis) => axis).filter((axis) => axis !== 1),
    bytes: 32,
    target: shape.length === 4 ? 0.4 : undefined,
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

function rootMeanSquare(shape: readonly number[], normalized: readonly number[]): Workload {
  return workload({
    name: `rms_${shape.join('x')}`,
    description: `RMSNorm([${normalized}]) of [${shape}]`,
    shape,
    parameters: normalized,
    axes: normalized.map((_, i) => shape.length - normalized.length + i),
    centered: false,
    bytes: 20,
    target: shape.length === 2 ? 0.4 : undefined,
    ours: () => (x, w) => F.rmsNorm(x, normalized, w, { eps: EPS }),
    torch: `lambda x, w: F.rms_norm(x, ${JSON.stringify(normalized)}, w, ${EPS})`,
  })
}

function group(groups: number, shape: readonly number[], target?: number): Workload {
  const [n, channels, ...space] = shape
  return workload({
    name: `gn${groups}_${shape.join('x')}`,
    description: `GroupNorm(${groups}, ${channels}) of [${shape}]`,
    shape,
    parameters: [channels],
    seenAs: [n, groups, (channels / groups) * product(space)],
    axes: [2],
    bytes: 20,
    target,
    ours: () => (x, w, b) => F.groupNorm(x, groups, w, b),
    torch: `lambda x, w, b: F.group_norm(x, ${groups}, w, b)`,
  })
}

function instance(shape: readonly number[], target?: number): Workload {
  return workload({
    name: `in_${shape.join('x')}`,
    description: `InstanceNorm2d, affine, of [${shape}]`,
    shape,
    parameters: [shape[1]],
    axes: [2, 3],
    bytes: 20,
    target,
    ours: () => (x, w, b) => F.instanceNorm(x, null, null, w, b),
    torch: 'lambda x, w, b: F.instance_norm(x, None, None, w, b)',
  })
}

/** AlexNet's constants but for alpha, which is large enough here that the neighbours matter. */
const RESPONSE = { alpha: 0.5, beta: 0.75, k: 2 }

function response(size: number, shape: readonly number[]): Workload {
  const { alpha, beta, k } = RESPONSE
  const [, channels] = shape
  const [before, after] = [Math.floor(size / 2), Math.floor((size - 1) / 2)]
  const offsets = Array.from({ length: size }, (_, i) => i)
  const margins: [number, number][] = shape.map((_, axis) => (axis === 1 ? [before, after] : [0, 0]))
  return differentiable({
    name: `lrn${size}_${shape.join('x')}`,
    description: `LocalResponseNorm(${size}) of [${shape}]`,
    inputs: [shape],
    output: shape,
    backward: true,
    bytes: 36 * product(shape),
    ours: () => (x) => F.localResponseNorm(x, size, RESPONSE),
    jax:
      ({ numpy: np }) =>
      (x) => {
        const padded = np.pad(np.square(x.ref), margins)
        const windows = offsets.map((i) => padded.ref.slice([], [i, i + channels]))
        padded.dispose()
        const scale = windows
          .reduce((sum, window) => sum.add(window))
          .mul(alpha / size)
          .add(k)
        return x.mul(np.power(scale, -beta))
      },
    tfjs: (tf) => ({
      apply: (x) => {
        const padded = tf.pad(x.square(), margins)
        const windows = offsets.map((i) => tf.slice(padded, [0, i, 0, 0], [...shape]))
        const scale = windows
          .reduce((sum, window) => sum.add(window))
          .mul(alpha / size)
          .add(k)
        return x.mul(scale.pow(-beta))
      },
    }),
    torch: `lambda x: F.local_response_norm(x, ${size}, ${alpha}, ${beta}, ${k})`,
  })
}

const images = [16, 32, 28, 28]
const photos = [32, 3, 224, 224]

export const norms: readonly Workload[] = [
  batch(...images),
  batch(...photos),
  batch(64, 64, 56, 56),
  batch(256, 1024),
  layer([256, 1024], [1024]),
  layer([256, 1024], [1024], 'fwd'),
  layer(photos, [3, 224, 224]),
  layer(photos, [3, 224, 224], 'fwd'),
  layer([8, 128, 256], [256]),
  layer(images, [32, 28, 28]),
  rootMeanSquare([256, 1024], [1024]),
  rootMeanSquare(images, [32, 28, 28]),
  rootMeanSquare(photos, [3, 224, 224]),
  group(8, images, 0.9),
  group(3, photos),
  group(32, [256, 1024]),
  instance(images, 0.35),
  instance(photos),
  instance([1, 256, 32, 32]),
  response(5, images),
  response(3, photos),
  response(5, [256, 1024, 1, 1]),
]
