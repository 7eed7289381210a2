import { F, nn, noGrad, optim, type Tensor } from '../../src/index.js'
import { call, NotThereYet, python } from './bindings.js'
import { check, compare } from './compare.js'
import type { GoldenCase } from './data.js'
import { forward, loadStored, type Runner, stackAll } from './kinds.js'

/** Kind `trajectory`: a network is trained on the stored images, and every step's loss and statistics are compared. */

/** Networks of later issues, by class. */
const later: Readonly<Record<string, string>> = { CharLSTM: 'recurrent networks', ViT: 'attention' }

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

function network(c: GoldenCase): Printed {
  const printed = c.modules ?? ''
  const name = /^\w+/.exec(printed)?.[0] ?? ''
  if (name in later) throw new NotThereYet(later[name])
  check(name === 'CNN', `don't know how the layers of ${name} are connected`)
  const model = new Printed(printed)
  check(model.toString().replace(/^\w+/, name) === printed, `prints as ${model}, expected ${printed}`)
  return model
}

export const runTrajectory: Runner = (family, c, errors) => {
  const model = network(c)
  loadStored(family, c, model)
  const [images, labels] = ['images', 'labels'].map((key) => family.array('dataset', key))
  const rule = /images \(i\*(\d+)\+j\) mod (\d+)/.exec(c.rule ?? '')
  check(rule !== null, `don't know the rule '${c.rule}'`)
  const [size, count] = [Number(rule[1]), Number(rule[2])]
  const optimizer = call(c.optimizer?.name ?? '', [model.parameters()], c.optimizer?.kwargs ?? {})
  check(optimizer instanceof optim.Optimizer, `${c.optimizer?.name} made no optimizer`)

  const results = new Map<string, Tensor>()
  const steps = new Map<string, Tensor[]>()
  const collect = (key: string, t: Tensor) => steps.set(key, [...(steps.get(key) ?? []), t.detach().clone()])
  for (let i = 0; i < c.steps; i++) {
    const start = (i * size) % count
    const loss = F.crossEntropy(model.forward(images.narrow(0, start, size)), labels.narrow(0, start, size))
    optimizer.zeroGrad()
    loss.backward()
    if (i === 0) for (const [name, p] of model.namedParameters()) if (p.grad) results.set(`first_grad.${name}`, p.grad.clone())
    optimizer.step()
    collect('steps.loss', loss)
    for (const [name, b] of model.namedBuffers()) collect(`steps.buffer_after.${name}`, b)
  }
  for (const [key, list] of steps) results.set(key, stackAll(list))
  for (const [name, p] of model.namedParameters()) results.set(`final.${name}`, p.detach())
  model.eval()
  results.set(
    'eval_output',
    noGrad(() => model.forward(images)),
  )
  for (const key of c.keys.filter((k) => /^(first_grad|steps|final)\.|^eval_output$/.test(k))) {
    const got = results.get(key)
    check(got !== undefined, `${key} was not computed`)
    compare(family, c, key, got, errors)
  }
}
