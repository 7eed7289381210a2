import { noGrad } from '../../autograd/index.js'
import type { Tensor } from '../../core/tensor.js'
import { observe, type Probe } from '../../inspect/index.js'
import type { Module } from '../../nn/module.js'
import { crossEntropy } from '../../ops/cross-entropy.js'
import { SGD } from '../../optim/index.js'
import type { RunContext, RunState } from '../experiment.js'
import { type Activation, type FeatureNorm, type Init, type Place, stack } from '../networks.js'
import { digits, endless, release, train } from '../train.js'

export interface GradientFlowConfig {
  norm: FeatureNorm
  place: Place
  activation: Activation
  init: Init
  depth: number
  width: number
  batchSize: number
  learningRate: number
  /** Updates between the two looks. */
  steps: number
  seed: number
}

/** A hidden layer at one moment, on one batch. */
export interface FlowLayer {
  /** From 1, the input's side first. */
  layer: number
  /** Of what the block gives to the next one. */
  mean: number
  std: number
  /** Length of the gradient of the loss with respect to that; null where it is not finite. */
  gradientNorm: number | null
  /** Length of the gradient with respect to the weight, and the same in lengths of the weight. */
  weightGradientNorm: number | null
  gradientToWeight: number | null
  /** Share of units whose activation is 0 for the whole batch. */
  dead: number
  /** Share of saturated activations; null for activations without bounds. */
  saturated: number | null
}

export interface GradientFlowRun extends GradientFlowConfig, RunState {
  losses: number[]
  /** Before the first update, and at the last; empty where the run did not come so far. */
  start: FlowLayer[]
  end: FlowLayer[]
}

const IMAGE_SIZE = 14

/** Looks at every hidden layer of a new network, trains it for some steps, and looks again. */
export async function gradientFlowRun(config: GradientFlowConfig, context: RunContext): Promise<GradientFlowRun> {
  const { batchSize, learningRate, steps, seed } = config
  const data = await digits(IMAGE_SIZE, context)
  const model = stack({ inputs: IMAGE_SIZE * IMAGE_SIZE, ...config })
  const look = { start: [] as FlowLayer[], end: [] as FlowLayer[] }
  let watch = new Watch(model, config.depth)
  const { losses, status, divergence } = await train(
    {
      model,
      optimizer: new SGD(model.parameters(), { lr: learningRate }),
      batches: endless(data.train, { batchSize, seed }),
      // One more, for the second look.
      steps: steps + 1,
      lossOf: ([images, labels]) => crossEntropy(model.forward(images), labels),
      afterStep: (step) => {
        if (step === 1) look.start = watch.end()
        if (step === steps) watch = new Watch(model, config.depth)
      },
    },
    context,
  )
  if (steps > 0 && losses.length === steps + 1) look.end = watch.end()
  release(model)
  return { ...config, status, divergence, losses, ...look }
}

/** Reads one step of a model. */
class Watch {
  readonly #probe: Probe
  readonly #dead = new Map<string, number>()
  readonly #handles: { remove(): void }[]

  constructor(
    model: Module,
    private readonly depth: number,
  ) {
    const parts = (name: string) => /^hidden\d+(\.(linear|activation))?$/.test(name)
    this.#probe = observe(model, { layers: parts })
    this.#handles = model
      .namedModules()
      .filter(([name]) => /^hidden\d+\.activation$/.test(name))
      .map(([name, module]) =>
        module.registerForwardHook((_, __, output) => {
          this.#dead.set(
            name,
            noGrad(() => deadUnits(output as Tensor)),
          )
        }),
      )
  }

  end(): FlowLayer[] {
    this.#probe.detach()
    for (const handle of this.#handles) handle.remove()
    const records = new Map(this.#probe.records.map((record) => [record.layer, record]))
    return Array.from({ length: this.depth }, (_, i) => {
      const name = `hidden${i + 1}`
      const [block, linear, activation] = [name, `${name}.linear`, `${name}.activation`].map((key) => records.get(key))
      const weight = linear?.parameters.weight
      return {
        layer: i + 1,
        mean: block?.activation.mean ?? 0,
        std: block?.activation.std ?? 0,
        gradientNorm: finite(block?.gradient?.norm),
        weightGradientNorm: finite(weight?.gradient?.norm),
        gradientToWeight: finite(weight?.gradientToWeight),
        dead: this.#dead.get(`${name}.activation`) ?? 0,
        saturated: activation?.activation.saturated ?? null,
      }
    })
  }
}

const finite = (value: number | null | undefined): number | null => (value != null && Number.isFinite(value) ? value : null)

/** Share of features of [N, features] that are 0 for all N. */
export const deadUnits = (y: Tensor): number => y.detach().ne(0).any(0).logicalNot().to('float32').mean().item()
