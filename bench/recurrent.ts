import { nn, tensor } from '../src/index.js'
import { type JaxArray, type TfTensor, versus } from './differentiable.js'
import type { Jax, Tfjs } from './peers.js'
import { training } from './training.js'
import { numbers, product, type Workload } from './workload.js'

/** Recurrent layers. Those of the JavaScript peers are composed of their operations, in the way that was found fastest in each. */

const [length, batch, input, hidden] = [64, 32, 64, 128]
const shape = [length, batch, input]
const elements = length * batch * hidden

type Cell = 'lstm' | 'gru'
const gates: Record<Cell, number> = { lstm: 4, gru: 3 }

/** jax-js has no scan: 64 steps in a row, compiled, of which each calls a compiled one. A product of all inputs at once would be split with zeros to add. */
function withJax({ numpy: np, nn: { sigmoid }, jit }: Jax, cell: Cell): (parameters: JaxArray[]) => JaxArray {
  const x = numbers(product(shape), 1)
  const size = batch * input
  const inputs = Array.from({ length }, (_, t) => np.array(x.slice(t * size, (t + 1) * size), { shape: [batch, input] }))
  const lstm = (a: JaxArray, b: JaxArray, h: JaxArray, c: JaxArray): JaxArray[] => {
    h.dispose()
    const [i, f, g, o] = np.split(a.add(b), 4, -1)
    const next = sigmoid(f)
      .mul(c)
      .add(sigmoid(i).mul(np.tanh(g)))
    return [sigmoid(o).mul(np.tanh(next.ref)), next]
  }
  const gru = (a: JaxArray, b: JaxArray, h: JaxArray, c: JaxArray): JaxArray[] => {
    const [ra, za, na] = np.split(a, 3, -1)
    const [rb, zb, nb] = np.split(b, 3, -1)
    const candidate = np.tanh(na.add(sigmoid(ra.add(rb)).mul(nb)))
    const z = sigmoid(za.add(zb))
    return [candidate.ref.add(z.mul(h.sub(candidate))), c]
  }
  const next = { lstm, gru }[cell]
  const step = jit((x: JaxArray, h: JaxArray, c: JaxArray, wIh: JaxArray, wHh: JaxArray, bIh: JaxArray, bHh: JaxArray) =>
    next(np.matmul(x, wIh).add(bIh), np.matmul(h.ref, wHh).add(bHh), h, c),
  )
  return ([weightIh, weightHh, bIh, bHh]) => {
    const [wIh, wHh] = [np.transpose(weightIh), np.transpose(weightHh)]
    let [h, c] = [np.zeros([batch, hidden]), np.zeros([batch, hidden])]
    let sum = np.zeros([])
    for (const x of inputs) {
      ;[h, c] = step(x.ref, h, c, wIh.ref, wHh.ref, bIh.ref, bHh.ref)
      sum = sum.add(np.sum(np.square(h.ref)))
    }
    return sum.mul(1 / elements)
  }
}

/** One product of the inputs of all steps; then a step after the other, eagerly. */
function withTfjs(tf: Tfjs, cell: Cell): (parameters: TfTensor[]) => TfTensor {
  const x = tf.tensor2d(numbers(product(shape), 1), [length * batch, input])
  const lstm = (a: TfTensor, b: TfTensor, _h: TfTensor, c: TfTensor): TfTensor[] => {
    const [i, f, g, o] = tf.split(a.add(b), 4, 1)
    const next = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()))
    return [o.sigmoid().mul(next.tanh()), next]
  }
  const gru = (a: TfTensor, b: TfTensor, h: TfTensor, c: TfTensor): TfTensor[] => {
    const [ra, za, na] = tf.split(a, 3, 1)
    const [rb, zb, nb] = tf.split(b, 3, 1)
    const candidate = na.add(ra.add(rb).sigmoid().mul(nb)).tanh()
    return [candidate.add(za.add(zb).sigmoid().mul(h.sub(candidate))), c]
  }
  const next = { lstm, gru }[cell]
  return ([wIh, wHh, bIh, bHh]) => {
    const inputs = tf.split(tf.matMul(x, wIh as typeof x, false, true).add(bIh), length, 0)
    let [h, c]: TfTensor[] = [tf.zeros([batch, hidden]), tf.zeros([batch, hidden])]
    const outputs: TfTensor[] = []
    for (const a of inputs) {
      ;[h, c] = next(a, tf.matMul(h, wHh, false, true).add(bHh), h, c)
      outputs.push(h)
    }
    return tf.concat(outputs, 0).square().mean()
  }
}

function workload(cell: Cell, targets?: Workload['targets']): Workload {
  const name = cell.toUpperCase()
  return training({
    name: `${cell}_64x32x64_128`,
    description: `${name}(${input}, ${hidden}) of [${shape}], with the gradients of its weights`,
    flops: 3 * 2 * length * batch * gates[cell] * hidden * (input + hidden),
    make: () => {
      const model = cell === 'lstm' ? new nn.LSTM(input, hidden) : new nn.GRU(input, hidden)
      const x = tensor(numbers(product(shape), 1), { shape })
      return { model, loss: () => (model instanceof nn.LSTM ? model.forward(x) : model.forward(x))[0].square().mean() }
    },
    jax: (jax) => withJax(jax, cell),
    tfjs: (tf) => withTfjs(tf, cell),
    torch: `
model = nn.${name}(${input}, ${hidden})
x = numbers([${shape}], 1)
loss = lambda: model(x)[0].square().mean()`,
    targets,
  })
}

export const recurrent: readonly Workload[] = [workload('lstm', [versus('torch128', 0.85)]), workload('gru')]
