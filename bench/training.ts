import { type nn, noGrad, optim, scope, type Tensor, tensor } from '../src/index.js'
import type { JaxArray, TfTensor } from './differentiable.js'
import type { Jax, Tfjs } from './peers.js'
import { type Contestant, each, numbers, product, type Target, type Workload } from './workload.js'

/** The loss of a model with the gradients of all its parameters, in every library; with AdamW, also the update. */

export interface Training {
  name: string
  description: string
  flops: number
  make(): { model: nn.Module; loss(): Tensor }
  adamW?: boolean
  /** The loss as a function of the parameters, which have PyTorch's order and shapes. */
  jax?(jax: Jax): (parameters: JaxArray[]) => JaxArray
  tfjs?(tf: Tfjs): (parameters: TfTensor[]) => TfTensor
  /** Python that defines `model` and `loss()`. */
  torch: string
  targets?: readonly Target[]
}

const SCALE = 0.1
/** PyTorch's defaults. */
const ADAMW = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 }

/** Every parameter starts as fixed numbers. */
const startOf = (shape: readonly number[], i: number): Float32Array => numbers(product(shape), i + 3).map((v) => v * SCALE)

/** What AdamW multiplies with and adds in step t: m̂ / (√v̂ + eps) = m rate / (√v + floor). */
function corrections(t: number): { rate: number; floor: number } {
  const { lr, beta1, beta2, eps } = ADAMW
  const root = Math.sqrt(1 - beta2 ** t)
  return { rate: (lr * root) / (1 - beta1 ** t), floor: eps * root }
}

function ours({ make, adamW }: Training): Contestant {
  const { model, loss } = make()
  const parameters = model.parameters()
  const optimizer = adamW ? new optim.AdamW(parameters) : null
  noGrad(() => {
    for (const [i, p] of parameters.entries()) p.copy_(tensor(startOf(p.shape, i), { shape: p.shape }))
  })
  const backward = () => {
    model.zeroGrad()
    const value = loss()
    value.backward()
    return value
  }
  return {
    // Each step releases what it has made, as a turn of a training loop does.
    times: each(() =>
      scope(() => {
        backward()
        optimizer?.step()
      }),
    ),
    result: () => scope(() => [backward(), ...parameters.map((p) => p.grad as Tensor)].map((t) => t.detach().toTypedArray() as Float32Array)),
  }
}

/** Loss and gradients are compiled, and so is the update of a parameter. */
function withJax(jax: Jax, lossOf: (parameters: JaxArray[]) => JaxArray, shapes: readonly (readonly number[])[], adamW: boolean): Contestant {
  const { numpy: np } = jax
  const { beta1, beta2, lr, weightDecay } = ADAMW
  const derivative = jax.valueAndGrad(lossOf) as (parameters: JaxArray[]) => [loss: JaxArray, gradients: JaxArray[]]
  const gradients = jax.jit((parameters: JaxArray[]) => derivative(parameters).flat()) as (parameters: JaxArray[]) => JaxArray[]
  const update = jax.jit((parameter: JaxArray, gradient: JaxArray, first: JaxArray, second: JaxArray, rate: JaxArray, floor: JaxArray) => {
    const m = first.mul(beta1).add(gradient.ref.mul(1 - beta1))
    const v = second.mul(beta2).add(np.square(gradient).mul(1 - beta2))
    return [parameter.mul(1 - lr * weightDecay).sub(m.ref.mul(rate).div(np.sqrt(v.ref).add(floor))), m, v]
  }) as (...arrays: JaxArray[]) => JaxArray[]
  /** Of each parameter: itself, first and second moment. */
  const state = shapes.map((shape, i) => [np.array(startOf(shape, i), { shape: [...shape] }), ...(adamW ? [np.zeros([...shape]), np.zeros([...shape])] : [])])
  const result = () => gradients(state.map(([p]) => p.ref))
  let t = 0
  const step = () => {
    const [loss, ...grads] = result()
    const { rate, floor } = corrections(++t)
    for (const [i, [p, m, v]] of state.entries()) state[i] = update(p, grads[i], m, v, np.array(rate), np.array(floor))
    return [loss, ...state.flat().map((a) => a.ref)]
  }
  return {
    times: each(async () => {
      for (const a of await jax.blockUntilReady(adamW ? step() : result())) a.dispose()
    }),
    result: async () => {
      const arrays: Float32Array[] = []
      for (const a of result()) arrays.push((await a.data()) as Float32Array)
      return arrays
    },
    dispose: () => {
      for (const a of state.flat()) a.dispose()
    },
  }
}

function withTfjs(tf: Tfjs, lossOf: (parameters: TfTensor[]) => TfTensor, shapes: readonly (readonly number[])[], adamW: boolean): Contestant {
  const { beta1, beta2, lr, weightDecay } = ADAMW
  const gradients = tf.valueAndGrads((...parameters: TfTensor[]) => lossOf(parameters) as ReturnType<Tfjs['scalar']>)
  const zeros = () => (adamW ? shapes.map((shape) => tf.zeros([...shape])) : [])
  let parameters = shapes.map((shape, i) => tf.tensor(startOf(shape, i), [...shape]))
  let [first, second] = [zeros(), zeros()]
  let t = 0
  const update = (grads: TfTensor[]) => {
    const { rate, floor } = corrections(++t)
    const old = [parameters, first, second]
    first = grads.map((g, i) => tf.keep(first[i].mul(beta1).add(g.mul(1 - beta1))))
    second = grads.map((g, i) => tf.keep(second[i].mul(beta2).add(g.square().mul(1 - beta2))))
    parameters = parameters.map((p, i) => tf.keep(p.mul(1 - lr * weightDecay).sub(first[i].mul(rate).div(second[i].sqrt().add(floor)))))
    tf.dispose(old)
  }
  return {
    // Its kernels have run when the call returns; nothing needs to be read back.
    times: each(() =>
      tf.tidy(() => {
        const { grads } = gradients(parameters)
        if (adamW) update(grads)
      }),
    ),
    result: () => {
      const arrays: Float32Array[] = []
      // Not as the result of tidy, which looks for tensors in it, element by element.
      tf.tidy(() => {
        const { value, grads } = gradients(parameters)
        arrays.push(...[value, ...grads].map((a) => a.dataSync().slice() as Float32Array))
      })
      return arrays
    },
    dispose: () => tf.dispose([parameters, first, second]),
  }
}

const python = ({ torch, adamW }: Training): string => `${torch}
with torch.no_grad():
    for i, p in enumerate(model.parameters()):
        p.copy_(numbers(p.shape, i + 3) * ${SCALE})
${adamW ? 'optimizer = torch.optim.AdamW(model.parameters())' : ''}
def backward():
    model.zero_grad()
    value = loss()
    value.backward()
    return [value, *(p.grad for p in model.parameters())]
def train():
    backward()
    ${adamW ? 'optimizer.step()' : 'pass'}
timed(train, backward)`

export function training(t: Training): Workload {
  const { name, description, flops, targets, jax, tfjs, adamW = false } = t
  const shapes = () =>
    t
      .make()
      .model.parameters()
      .map((p) => p.shape)
  return {
    name,
    description,
    flops,
    ours: () => ours(t),
    jax: jax && ((lib) => withJax(lib, jax(lib), shapes(), adamW)),
    tfjs: tfjs && ((lib) => withTfjs(lib, tfjs(lib), shapes(), adamW)),
    torch: python(t),
    targets,
  }
}
