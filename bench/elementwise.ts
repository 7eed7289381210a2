import { F, optim, type Tensor, tensor } from '../src/index.js'
import { differentiable, versus } from './differentiable.js'
import type { Jax, Tfjs } from './peers.js'
import { type Contestant, each, numbers, type Workload } from './workload.js'

/** Activations, softmax, and Adam's step. */

const shape = [256, 1024]

const gelu = differentiable({
  name: 'gelu_256x1024',
  description: 'GELU (with erf) of [256,1024]',
  inputs: [shape],
  output: shape,
  backward: true,
  bytes: 20 * 256 * 1024,
  ours: () => (x) => F.gelu(x),
  jax: (jax) => (x) => jax.nn.gelu(x, { approximate: false }),
  tfjs: () => ({ apply: (x) => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1)) }),
  torch: 'F.gelu',
  targets: [versus('torch', 3.5)],
})

const softmax = differentiable({
  name: 'softmax_256x1024',
  description: 'softmax over the rows of [256,1024]',
  inputs: [shape],
  output: shape,
  backward: true,
  bytes: 20 * 256 * 1024,
  ours: () => (x) => F.softmax(x, -1),
  jax: (jax) => (x) => jax.nn.softmax(x, -1),
  tfjs: (tf) => ({ apply: (x) => tf.softmax(x) }),
  torch: 'lambda x: F.softmax(x, -1)',
  targets: [versus('torch', 2.2)],
})

const SIZE = 1_000_000
const LR = 0.01
const [BETA1, BETA2, EPS] = [0.9, 0.999, 1e-8]
const parameter = (): Float32Array => numbers(SIZE, 1)
const gradient = (): Float32Array => numbers(SIZE, 2)

function adam(): Contestant {
  const p = tensor(parameter(), { requiresGrad: true })
  p.grad = tensor(gradient())
  const optimizer = new optim.Adam([p], { lr: LR })
  return {
    times: each(() => void optimizer.step()),
    result: () => {
      optimizer.step()
      return [p.toTypedArray() as Float32Array]
    },
    dispose: () => {
      for (const t of [p, p.grad as Tensor]) t.dispose()
    },
  }
}

function adamWithJax(jax: Jax): Contestant {
  const { numpy: np } = jax
  const g = np.array(gradient())
  let state = [np.array(parameter()), np.zeros([SIZE]), np.zeros([SIZE])]
  let step = 0
  type A = typeof g
  const update = jax.jit((p: A, m: A, v: A, grad: A, correction1: A, correction2: A): A[] => {
    const first = m.mul(BETA1).add(grad.ref.mul(1 - BETA1))
    const second = v.mul(BETA2).add(grad.ref.mul(grad).mul(1 - BETA2))
    const denominator = np.sqrt(second.ref.mul(correction2)).add(EPS)
    return [p.sub(first.ref.mul(correction1).mul(LR).mul(np.reciprocal(denominator))), first, second]
  })
  const run = async () => {
    step++
    const [p, m, v] = state
    const corrections = [BETA1, BETA2].map((beta) => np.array(1 / (1 - beta ** step)))
    state = (await jax.blockUntilReady(update(p, m, v, g.ref, corrections[0], corrections[1]))) as A[]
  }
  return {
    times: each(run),
    result: async () => {
      await run()
      return [(await state[0].ref.data()) as Float32Array]
    },
    dispose: () => {
      for (const a of [g, ...state]) a.dispose()
    },
  }
}

function adamWithTfjs(tf: Tfjs): Contestant {
  const p = tf.variable(tf.tensor(parameter()), true)
  const g = tf.tensor(gradient())
  const optimizer = tf.train.adam(LR, BETA1, BETA2, EPS)
  const run = () => tf.tidy(() => optimizer.applyGradients([{ name: p.name, tensor: g }]))
  return {
    times: each(run),
    result: () => {
      run()
      return [p.dataSync().slice() as Float32Array]
    },
    dispose: () => {
      optimizer.dispose()
      tf.dispose([p, g])
    },
  }
}

const adamStep: Workload = {
  name: 'adam_1M',
  description: "Adam's step of 1,000,000 parameters",
  bytes: 28 * SIZE,
  copy: 4 * SIZE,
  ours: adam,
  jax: adamWithJax,
  tfjs: adamWithTfjs,
  torch: `
p = numbers([${SIZE}], 1).requires_grad_()
p.grad = numbers([${SIZE}], 2)
optimizer = torch.optim.Adam([p], lr=${LR})
def adam_result():
    optimizer.step()
    return [p]
timed(optimizer.step, adam_result)`,
  targets: [versus('torch', 0.7)],
}

export const elementwise: readonly Workload[] = [gelu, softmax, adamStep]
