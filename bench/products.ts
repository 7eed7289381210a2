import { F, matmul } from '../src/index.js'
import { differentiable, versus } from './differentiable.js'
import { product, type Workload } from './workload.js'

/** Matrix products, a linear layer and convolutions. */

const times = (backward: boolean): number => (backward ? 3 : 1)
const suffix = (backward: boolean): string => (backward ? '' : '_fwd')

const square = (n: number): Workload =>
  differentiable({
    name: `matmul_${n}_fwd`,
    description: `[${n},${n}] times [${n},${n}]`,
    inputs: [
      [n, n],
      [n, n],
    ],
    output: [n, n],
    backward: false,
    flops: 2 * n ** 3,
    ours: () => (a, b) => matmul(a, b),
    jax: (jax) => (a, b) => jax.numpy.matmul(a, b),
    tfjs: (tf) => ({ apply: (a, b) => tf.matMul(a, b) }),
    torch: 'lambda a, b: a @ b',
    targets: [versus('torch128', 0.75)],
  })

const linear = (backward: boolean): Workload =>
  differentiable({
    name: `linear_256x784_512${suffix(backward)}`,
    description: 'Linear(784, 512) of [256,784]',
    inputs: [[256, 784], [512, 784], [512]],
    output: [256, 512],
    backward,
    flops: times(backward) * 2 * 256 * 784 * 512,
    ours: () => (x, w, b) => F.linear(x, w, b),
    jax: (jax) => (x, w, b) => jax.numpy.matmul(x, jax.numpy.transpose(w)).add(b),
    // Its fast path wants the weight as [in, out].
    tfjs: (tf) => ({ apply: (x, w, b) => tf.matMul(x, w).add(b), layouts: [null, [1, 0], null, null] }),
    torch: 'lambda x, w, b: F.linear(x, w, b)',
    targets: [versus('torch128', 0.85)],
  })

interface Conv {
  name: string
  description: string
  x: readonly number[]
  /** [out, in / groups, k, k] */
  w: readonly number[]
  padding: number
  groups?: number
  backward: boolean
  target: number
  /** Whether jax-js ends within seconds. */
  jax: boolean
}

function convolution({ name, description, x, w, padding, groups = 1, backward, target, jax }: Conv): Workload {
  const output = [x[0], w[0], x[2], x[3]]
  const depthwise = groups > 1
  const pads: [number, number][] = [
    [padding, padding],
    [padding, padding],
  ]
  const channelsLast = [0, 2, 3, 1]
  return differentiable({
    name: `${name}${suffix(backward)}`,
    description,
    inputs: [x, w],
    output,
    backward,
    flops: times(backward) * 2 * product(output) * w[1] * w[2] * w[3],
    ours: () => (input, weight) => F.conv2d(input, weight, null, { padding, groups }),
    jax: jax ? (lib) => (input, weight) => lib.lax.convGeneralDilated(input, weight, [1, 1], pads, { featureGroupCount: groups }) : undefined,
    jit: false,
    tfjs: backward
      ? undefined
      : (tf) => ({
          apply: (input, weight) => {
            const [image, filter] = [input.as4D(...four(input.shape)), weight.as4D(...four(weight.shape))]
            return depthwise ? tf.depthwiseConv2d(image, filter, 1, 'same') : tf.conv2d(image, filter, 1, 'same')
          },
          layouts: [channelsLast, depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0], channelsLast],
        }),
    torch: `lambda x, w: F.conv2d(x, w, None, padding=${padding}, groups=${groups})`,
    targets: [versus('torch128', target)],
    without: {
      ...(backward
        ? { tfjs: `no gradient of a convolution in its wasm backend (${depthwise ? 'DepthwiseConv2dNativeBackpropInput' : 'Conv2DBackpropFilter'})` }
        : {}),
      ...(jax ? {} : { jax: 'takes longer than 10 s for one call' }),
    },
  })
}

const four = (shape: readonly number[]): [number, number, number, number] => [shape[0], shape[1], shape[2], shape[3]]

const small = [32, 32, 28, 28]
const large = [8, 64, 56, 56]

const conv = (backward: boolean): Workload[] => [
  convolution({
    name: 'conv3_32x32x28x28_64',
    description: 'convolution 3 x 3 of [32,32,28,28] to 64 channels',
    x: small,
    w: [64, 32, 3, 3],
    padding: 1,
    backward,
    target: 0.85,
    jax: true,
  }),
  convolution({
    name: 'conv3_8x64x56x56_64',
    description: 'convolution 3 x 3 of [8,64,56,56] to 64 channels',
    x: large,
    w: [64, 64, 3, 3],
    padding: 1,
    backward,
    target: 0.85,
    jax: !backward,
  }),
  convolution({
    name: 'conv1_32x32x28x28_64',
    description: 'convolution 1 x 1 of [32,32,28,28] to 64 channels',
    x: small,
    w: [64, 32, 1, 1],
    padding: 0,
    backward,
    target: 1,
    jax: true,
  }),
  convolution({
    name: 'dw3_32x32x28x28',
    description: 'depthwise convolution 3 x 3 of [32,32,28,28]',
    x: small,
    w: [32, 1, 3, 3],
    padding: 1,
    groups: 32,
    backward,
    target: 1,
    jax: true,
  }),
]

export const products: readonly Workload[] = [square(512), square(1024), linear(false), linear(true), ...conv(false), ...conv(true)]
