import { cat, F, nn, noGrad, optim, type Tensor, zeros } from '../../src/index.js'
import { call, python } from './bindings.js'
import { check, compare } from './compare.js'
import type { Family, GoldenCase } from './data.js'
import { forward, type Runner, stackAll } from './kinds.js'
import { textProblem } from './recurrent.js'

/** Kind `trajectory`: a network is trained, and every step's loss and statistics are compared. */

/** A network and what it is trained on. */
export interface Problem {
  readonly model: nn.Module
  /** The data's name of a parameter. */
  storedName(name: string): string
  loss(step: number): Tensor
  evaluate(): Tensor
}

const nameOf = (c: GoldenCase): string => /^\w+/.exec(c.modules ?? '')?.[0] ?? ''

const problems: Readonly<Record<string, (family: Family, c: GoldenCase) => Problem>> = { CNN: imageProblem, ViT: imageProblem, CharLSTM: textProblem }

/** The network whose layers PyTorch printed: `(conv0): Conv2d(1, 4, kernel_size=(3, 3), ...)` is an attribute conv0. */
class Printed extends nn.Module {
  readonly layers = new Map<string, nn.Module>()

  constructor(printed: string) {
    super()
    for (const [, name, expression] of printed.matchAll(/^ {2}\((\w+)\): (\w+\(.*\))$/gm)) {
      const layer = python(`nn.${expression}`)
      check(layer instanceof nn.Module, `${expression} is no module`)
      this.layers.set(name, layer)
      Reflect.set(this, name, layer)
    }
  }

  /** Convolution, norm and ReLU for each index, the mean over height and width, and a linear layer. */
  override forward(x: Tensor): Tensor {
    const run = (name: string, input: Tensor): Tensor => {
      const layer = this.layers.get(name)
      check(layer !== undefined, `there is no layer ${name}`)
      return forward(layer, [input]) as Tensor
    }
    let y = x
    for (let i = 0; this.layers.has(`conv${i}`); i++) y = run(`norm${i}`, run(`conv${i}`, y)).relu()
    return run('fc', y.mean([2, 3]))
  }
}

/** A vision transformer, as the case's architecture describes it. */
class ViT extends nn.Module {
  readonly cls = new nn.Parameter(zeros([1, 1, 8]))
  readonly pos = new nn.Parameter(zeros([1, 5, 8]))
  readonly patch = new nn.Conv2d(1, 8, 4, { stride: 4 })
  readonly layers = new nn.ModuleList([0, 1].map(() => new nn.TransformerEncoderLayer(8, 2, 16, 0, { activation: 'gelu', normFirst: true, batchFirst: true })))
  readonly norm = new nn.LayerNorm(8)
  readonly head = new nn.Linear(8, 4)

  override forward(x: Tensor): Tensor {
    const patches = this.patch.forward(x).flatten(2).transpose(1, 2)
    let y = cat([this.cls.expand(x.shape[0], -1, -1), patches], 1).add(this.pos)
    for (const layer of this.layers) y = layer.forward(y)
    return this.head.forward(this.norm.forward(y.select(1, 0)))
  }
}

function imageProblem(family: Family, c: GoldenCase): Problem {
  const name = nameOf(c)
  const model = name === 'ViT' ? new ViT() : new Printed(c.modules ?? '')
  check(model.toString().replace(/^\w+/, name) === c.modules, `prints as ${model}, expected ${c.modules}`)
  const [images, labels] = ['images', 'labels'].map((key) => family.array('dataset', key))
  const rule = /images \(i\*(\d+)\+j\) mod (\d+)/.exec(c.rule ?? '')
  check(rule !== null, `don't know the rule '${c.rule}'`)
  const [size, count] = [Number(rule[1]), Number(rule[2])]
  return {
    model,
    storedName: (name) => name,
    loss: (step) => F.crossEntropy(model.forward(images.narrow(0, (step * size) % count, size)), labels.narrow(0, (step * size) % count, size)),
    evaluate: () => model.forward(images),
  }
}

function problemOf(family: Family, c: GoldenCase): Problem {
  const name = nameOf(c)
  check(name in problems, `don't know how the layers of ${name} are connected`)
  return problems[name](family, c)
}

export const runTrajectory: Runner = (family, c, errors) => {
  const problem = problemOf(family, c)
  const { model } = problem
  const parameters = model.namedParameters().map(([name, p]): [string, Tensor] => [problem.storedName(name), p])
  for (const [name, p] of parameters) noGrad(() => p.detach().copy_(family.array(c, `param.${name}`)))
  const optimizer = call(c.optimizer?.name ?? '', [model.parameters()], c.optimizer?.kwargs ?? {})
  check(optimizer instanceof optim.Optimizer, `${c.optimizer?.name} made no optimizer`)

  const results = new Map<string, Tensor>()
  const steps = new Map<string, Tensor[]>()
  const collect = (key: string, t: Tensor) => steps.set(key, [...(steps.get(key) ?? []), t.detach().clone()])
  for (let i = 0; i < c.steps; i++) {
    const loss = problem.loss(i)
    optimizer.zeroGrad()
    loss.backward()
    if (i === 0) for (const [name, p] of parameters) if (p.grad) results.set(`first_grad.${name}`, p.grad.clone())
    optimizer.step()
    collect('steps.loss', loss)
    for (const [name, b] of model.namedBuffers()) collect(`steps.buffer_after.${name}`, b)
  }
  for (const [key, list] of steps) results.set(key, stackAll(list))
  for (const [name, p] of parameters) results.set(`final.${name}`, p.detach())
  model.eval()
  results.set(
    'eval_output',
    noGrad(() => problem.evaluate()),
  )
  for (const key of c.keys.filter((k) => /^(first_grad|steps|final)\.|^eval_output$/.test(k))) {
    const got = results.get(key)
    check(got !== undefined, `${key} was not computed`)
    compare(family, c, key, got, errors)
  }
}
