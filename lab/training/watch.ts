import type { HookHandle } from '../../src/core/graph.js'
import { nn, noGrad, type Summary, scope, summarize, Tensor } from '../../src/index.js'
import { saturationBounds } from '../../src/inspect/summary.js'
import type { BenchNetwork } from './network.js'
import type { BlockSnapshot, ChannelStatistics, Snapshot, Values } from './records.js'

const BINS = 30

/** Biased, as the layer normalises with them. */
export function channelStatistics(x: Tensor): ChannelStatistics {
  const over = Array.from({ length: x.ndim }, (_, axis) => axis).filter((axis) => axis !== 1)
  return scope(() =>
    noGrad(() => {
      const detached = x.detach()
      return { mean: numbers(detached.mean(over)), variance: numbers(detached.var(over, { correction: 0 })) }
    }),
  )
}

export const numbers = (t: Tensor): number[] => Array.from(t.detach().contiguous().toTypedArray() as Float32Array)

export const isBatchNorm = (layer: nn.Module): layer is nn.BatchNorm1d | nn.BatchNorm2d => layer instanceof nn.BatchNorm1d || layer instanceof nn.BatchNorm2d

export function runningStatistics(norm: nn.BatchNorm1d | nn.BatchNorm2d): ChannelStatistics {
  return { mean: norm.runningMean ? numbers(norm.runningMean) : [], variance: norm.runningVar ? numbers(norm.runningVar) : [] }
}

/**
 * Looks at every block in the steps that it is told to. It reads what goes into and comes out of the activations as they pass, and the gradients where
 * backward has left them: a probe would also look at the gradients on the way, which costs several times as much.
 */
export class Watch {
  private readonly handles: HookHandle[]
  private readonly seen = new Map<nn.Module, Summary>()
  private readonly batchStatistics = new Map<nn.Module, ChannelStatistics>()
  /** Whether the step that runs now is looked at. */
  looking = false

  constructor(private readonly model: BenchNetwork) {
    this.handles = model.list.flatMap(({ linear, norm, act, place }) => {
      const look = (module: nn.Module) => {
        const bounds = saturationBounds(module)
        return module.registerForwardHook((_, __, output) => {
          if (this.looking && output instanceof Tensor) this.seen.set(module, summarize(output.detach(), { histogramBins: BINS, bounds }))
        })
      }
      const statistics = norm.registerForwardPreHook((_, [x]) => {
        if (this.looking && isBatchNorm(norm)) this.batchStatistics.set(norm, channelStatistics(x))
      })
      return [look(place === 'before' ? norm : linear), look(act), statistics]
    })
  }

  /** What was seen in the step that just had its backward pass. @param learned false where there was none */
  take(step: number, learned = true): Snapshot | null {
    const blocks = this.model.list.flatMap((block): BlockSnapshot[] => {
      const { linear, norm, act, place } = block
      const into = this.seen.get(place === 'before' ? norm : linear)
      const out = this.seen.get(act)
      const batch = this.batchStatistics.get(norm)
      if (!into || !out || !learned) return []
      const statistics = batch && isBatchNorm(norm) ? { batch, running: runningStatistics(norm) } : null
      return [{ into: valuesOf(into), out: valuesOf(out), dead: out.zeros, saturated: out.saturated, ...gradientOf(linear), statistics }]
    })
    this.seen.clear()
    return blocks.length > 0 ? { step, blocks } : null
  }

  /** Stops looking. */
  detach(): void {
    for (const handle of this.handles) handle.remove()
  }
}

/** Of the weight: length of its gradient, and the same in lengths of the weight. */
function gradientOf(layer: nn.Module): Pick<BlockSnapshot, 'gradient' | 'ratio'> {
  const weight = layer.namedParameters().find(([name]) => name === 'weight')?.[1]
  if (!weight?.grad) return { gradient: Number.NaN, ratio: Number.NaN }
  const gradient = summarize(weight.grad).norm
  return { gradient, ratio: gradient / summarize(weight).norm }
}

const nothing = { low: 0, high: 0, counts: [0], underflow: 0, overflow: 0, nan: 0 }
const valuesOf = ({ mean, std, histogram }: Summary): Values => ({ mean, std, histogram: histogram ?? nothing })
