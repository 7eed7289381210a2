import { nn, noGrad, type Tensor, tensor } from '../src/index.js'
import type { Jax, Tfjs } from './peers.js'
import { type Contestant, numbers, product, type Workload } from './workload.js'

/** Forward and backward of a norm: all three gradients, with a fixed upstream gradient. */

const EPS = 1e-5

interface Problem {
  shape: number[]
  /** Axes of one statistic. */
  axes: number[]
  /** Shape of weight and bias, broadcastable against the input. */
  parameterShape: number[]
  layer(): nn.Module & { forward(x: Tensor): Tensor }
}

function ours(p: Problem): Contestant {
  const layer = p.layer()
  const x = tensor(numbers(product(p.shape), 1), { shape: p.shape, requiresGrad: true })
  const dy = tensor(numbers(product(p.shape), 2), { shape: p.shape })
  noGrad(() => layer.parameters().forEach((t, i) => void t.detach().copy_(tensor(numbers(t.numel(), 3 + i), { shape: t.shape }))))
  const step = () => {
    x.grad?.dispose()
    x.grad = null
    for (const q of layer.parameters()) {
      q.grad?.dispose()
      q.grad = null
    }
    const y = layer.forward(x)
    y.backward(dy)
    y.dispose()
  }
  return {
    run: step,
    result: () => {
      step()
      return (x.grad as Tensor).toTypedArray() as Float32Array
    },
  }
}

function withJax(jax: Jax, p: Problem): Contestant {
  const { numpy: np } = jax
  const make = (values: Float32Array, shape: number[]) => np.array(values, { shape })
  const x = make(numbers(product(p.shape), 1), p.shape)
  const dy = make(numbers(product(p.shape), 2), p.shape)
  const w = make(numbers(product(p.parameterShape), 3), p.parameterShape)
  const b = make(numbers(product(p.parameterShape), 4), p.parameterShape)
  type A = typeof x
  const norm = (input: A, weight: A, bias: A): A => {
    const mean = np.mean(input.ref, p.axes, { keepdims: true })
    const centered = input.sub(mean)
    const variance = np.mean(centered.ref.mul(centered.ref), p.axes, { keepdims: true })
    return centered
      .mul(np.reciprocal(np.sqrt(variance.add(EPS))))
      .mul(weight)
      .add(bias)
  }
  const step = jax.jit((input: A, weight: A, bias: A, upstream: A): A[] => {
    const [y, pull] = jax.vjp(norm, [input, weight, bias])
    const [dx, dw, db] = pull(upstream) as A[]
    return [y, dx, dw, db]
  })
  const call = () => step(x.ref, w.ref, b.ref, dy.ref) as A[]
  return {
    run: async () => {
      const out = await jax.blockUntilReady(call())
      for (const a of out) a.dispose()
    },
    result: async () => {
      const [y, dx, dw, db] = call()
      for (const a of [y, dw, db]) a.dispose()
      return (await dx.data()) as Float32Array
    },
  }
}

function withTfjs(tf: Tfjs, p: Problem): Contestant {
  const x = tf.tensor(numbers(product(p.shape), 1), p.shape)
  const dy = tf.tensor(numbers(product(p.shape), 2), p.shape)
  const w = tf.tensor(numbers(product(p.parameterShape), 3), p.parameterShape)
  const b = tf.tensor(numbers(product(p.parameterShape), 4), p.parameterShape)
  const gradients = tf.grads((input, weight, bias) => {
    const { mean, variance } = tf.moments(input, p.axes, true)
    return input.sub(mean).mul(variance.add(EPS).rsqrt()).mul(weight).add(bias)
  })
  const step = () => {
    const out = gradients([x, w, b], dy)
    for (const t of out) t.dataSync()
    return out
  }
  return {
    run: () => tf.tidy(() => void step()),
    result: () => tf.tidy(() => step()[0].dataSync() as Float32Array),
  }
}

function workload(name: string, description: string, bytesPerElement: number, p: Problem): Workload {
  return {
    name,
    description,
    bytes: bytesPerElement * product(p.shape),
    ours: () => ours(p),
    jax: (jax) => withJax(jax, p),
    tfjs: (tf) => withTfjs(tf, p),
  }
}

const batch = (name: string, shape: number[]): Workload =>
  workload(name, `BatchNorm2d, forward and backward, [${shape}]`, 32, {
    shape,
    axes: [0, 2, 3],
    parameterShape: [1, shape[1], 1, 1],
    layer: () => new nn.BatchNorm2d(shape[1]),
  })

const layer = (name: string, shape: number[], normalized: number[]): Workload =>
  workload(name, `LayerNorm([${normalized}]), forward and backward, [${shape}]`, 20, {
    shape,
    axes: normalized.map((_, i) => shape.length - normalized.length + i),
    parameterShape: normalized,
    layer: () => new nn.LayerNorm(normalized),
  })

export const norms: readonly Workload[] = [
  batch('bn_16x32x28x28', [16, 32, 28, 28]),
  batch('bn_32x3x224x224', [32, 3, 224, 224]),
  layer('ln_256x1024', [256, 1024], [1024]),
  layer('ln_32x3x224x224', [32, 3, 224, 224], [3, 224, 224]),
]
