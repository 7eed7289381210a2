import { isGradEnabled } from '../autograd/index.js'
import { isFloatingPoint } from '../core/dtype.js'
import { checkOptions, nearestName, ValueError } from '../core/errors.js'
import type { HookHandle } from '../core/graph.js'
import { Tensor } from '../core/tensor.js'
import { Module } from '../nn/module.js'
import type { Parameter } from '../nn/parameter.js'
import '../ops/methods.js'
import { type Summary, saturationBounds, summarize } from './summary.js'

/** What one layer looked like in one step. */
export interface LayerRecord {
  /** Training steps before this one since the probe was attached. */
  step: number
  /** The layer's name in the model, as in the state dict. */
  layer: string
  /** Its output. */
  activation: Summary
  /** The gradient of the loss with respect to its output; null where backward did not come by. */
  gradient: Summary | null
  /** Its own parameters, by name. */
  parameters: Record<string, ParameterRecord>
}

/** A parameter before the update that follows, and its gradient in this step alone. */
export interface ParameterRecord {
  value: Summary
  /** Null where backward did not come by. */
  gradient: Summary | null
  /** Length of the gradient in lengths of the parameter: times the learning rate, how far a plain SGD step moves it. Null without a gradient. */
  gradientToWeight: number | null
}

export interface ProbeOptions {
  /** Names as in `namedModules`, or a choice. Default: every module without sub-modules. */
  layers?: readonly string[] | ((name: string, module: Module) => boolean)
  /** Records the first step and every n-th after it. Default 1: all. */
  every?: number
  /** Bins of the histograms, which cost another look at every element. Default 0: none. */
  histogramBins?: number
}

/**
 * Watches layers of a model while it trains: the mean, spread and histogram of what comes out of them, of the gradients that come back, and
 * of their parameters. It keeps numbers, no tensors, so loops stay in constant memory.
 *
 * A step is a forward pass of the model in training mode with gradients on, with the backward pass that follows; evaluation is not
 * recorded. Between recorded steps a layer pays one function call; without a probe nothing.
 *
 * @example
 * const probe = observe(model, { layers: ['conv1', 'fc'], every: 10 })
 * for (const [x, y] of loader) { ... }
 * probe.records // [{ step: 0, layer: 'conv1', activation: { mean, std, ... }, gradient, parameters }, ...]
 * probe.detach()
 */
export class Probe {
  /** In the order in which the layers ran. A layer that runs twice in a step has two. */
  readonly records: LayerRecord[] = []
  readonly #handles: HookHandle[] = []
  /** Hooks of the step that is recorded now. */
  #stepHandles: HookHandle[] = []
  #steps = 0
  #recording = false

  constructor(model: Module, options: ProbeOptions = {}) {
    checkOptions('observe', options, ['layers', 'every', 'histogramBins'])
    if (!(model instanceof Module)) throw new TypeError('observe: expected a Module')
    const { every = 1, histogramBins = 0 } = options
    if (!(Number.isInteger(every) && every > 0)) throw new ValueError(`observe: every must be a positive whole number, got ${every}`)
    if (!(Number.isInteger(histogramBins) && histogramBins >= 0))
      throw new ValueError(`observe: histogramBins must be 0 or a positive whole number, got ${histogramBins}`)
    const layers = chosenLayers(model, options.layers)
    this.#handles.push(
      model.registerForwardPreHook(() => {
        this.#endStep()
        if (!model.training || !isGradEnabled()) return
        this.#recording = this.#steps++ % every === 0
      }),
    )
    for (const [name, module] of layers) {
      const look = (t: Tensor) => summarize(t, { histogramBins, bounds: saturationBounds(module) })
      const lookPlain = (t: Tensor) => summarize(t, { histogramBins })
      this.#handles.push(
        module.registerForwardHook((_, __, output) => {
          if (this.#recording && output instanceof Tensor && isFloatingPoint(output.dtype)) this.#record(name, module, output, look, lookPlain)
        }),
      )
    }
  }

  /** The records of one layer, in order. @throws ValueError where none has that name */
  of(layer: string): LayerRecord[] {
    const found = this.records.filter((record) => record.layer === layer)
    if (found.length === 0) throw unknownLayer(layer, new Set(this.records.map((record) => record.layer)))
    return found
  }

  /** Stops watching; the records stay. */
  detach(): void {
    this.#endStep()
    for (const handle of this.#handles.splice(0)) handle.remove()
  }

  #endStep(): void {
    this.#recording = false
    for (const handle of this.#stepHandles) handle.remove()
    this.#stepHandles = []
  }

  #record(layer: string, module: Module, output: Tensor, look: (t: Tensor) => Summary, lookPlain: (t: Tensor) => Summary): void {
    const record: LayerRecord = { step: this.#steps - 1, layer, activation: look(output), gradient: null, parameters: {} }
    this.records.push(record)
    if (output.requiresGrad) {
      this.#onGradient(output, (grad) => {
        record.gradient = lookPlain(grad)
      })
    }
    for (const [name, parameter] of ownParameters(module)) {
      const entry: ParameterRecord = { value: lookPlain(parameter), gradient: null, gradientToWeight: null }
      record.parameters[name] = entry
      if (!parameter.requiresGrad) continue
      this.#onGradient(parameter, (grad) => {
        entry.gradient = lookPlain(grad)
        entry.gradientToWeight = entry.gradient.norm / entry.value.norm
      })
    }
  }

  #onGradient(tensor: Tensor, read: (grad: Tensor) => void): void {
    this.#stepHandles.push(tensor.registerHook((grad) => read(grad)))
  }
}

/** Attaches a probe; see `Probe`. */
export const observe = (model: Module, options: ProbeOptions = {}): Probe => new Probe(model, options)

function chosenLayers(model: Module, layers: ProbeOptions['layers']): [string, Module][] {
  const all = model.namedModules()
  if (layers === undefined) return all.filter(([, module]) => module.children().length === 0)
  if (typeof layers === 'function') return all.filter(([name, module]) => layers(name, module))
  const byName = new Map(all)
  return layers.map((name) => {
    const module = byName.get(name)
    if (!module) throw unknownLayer(name, byName.keys())
    return [name, module]
  })
}

function unknownLayer(name: string, known: Iterable<string>): ValueError {
  const names = [...known].filter((n) => n !== '')
  const nearest = nearestName(name, names)
  return new ValueError(`observe: there is no layer '${name}'.${nearest ? ` Did you mean '${nearest}'?` : ''} Layers: ${names.join(', ')}`)
}

/** Those of the module itself; its sub-modules, where they are watched, have records of their own. */
const ownParameters = (module: Module): [string, Parameter][] => module.namedParameters().filter(([name]) => !name.includes('.'))
