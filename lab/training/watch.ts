import type { HookHandle } from '../../src/core/graph.js'
import { type LayerRecord, nn, noGrad, observe, type Probe, type Summary, type Tensor } from '../../src/index.js'
import type { BenchNetwork } from './network.js'
import type { BlockSnapshot, ChannelStatistics, Snapshot, Values } from './records.js'

const BINS = 30

/** Biased, as the layer normalises with them. */
export function channelStatistics(x: Tensor): ChannelStatistics {
  const over = Array.from({ length: x.ndim }, (_, axis) => axis).filter((axis) => axis !== 1)
  return noGrad(() => {
    const detached = x.detach()
    return { mean: numbers(detached.mean(over)), variance: numbers(detached.var(over, { correction: 0 })) }
  })
}

export const numbers = (t: Tensor): number[] => Array.from(t.detach().contiguous().toTypedArray() as Float32Array)

export const isBatchNorm = (layer: nn.Module): layer is nn.BatchNorm1d | nn.BatchNorm2d => layer instanceof nn.BatchNorm1d || layer instanceof nn.BatchNorm2d

export function runningStatistics(norm: nn.BatchNorm1d | nn.BatchNorm2d): ChannelStatistics {
  return { mean: norm.runningMean ? numbers(norm.runningMean) : [], variance: norm.runningVar ? numbers(norm.runningVar) : [] }
}

/** Looks at every block in the first step and every n-th after it, or in one step alone. */
export class Watch {
  private readonly probe: Probe
  private readonly handles: HookHandle[]
  private readonly batchStatistics = new Map<nn.Module, ChannelStatistics>()
  /** Whether the step that runs now is looked at. */
  looking = false

  constructor(
    private readonly model: BenchNetwork,
    every: number,
  ) {
    this.probe = observe(model, { every, histogramBins: BINS, layers: (name) => /^blocks\.\d+\.(linear|norm|act)$/.test(name) })
    this.handles = model.list.map(({ norm }) =>
      norm.registerForwardPreHook((_, [x]) => {
        if (this.looking && isBatchNorm(norm)) this.batchStatistics.set(norm, channelStatistics(x))
      }),
    )
  }

  /** What was seen in the step that just had its backward pass. @param learned false where there was none */
  take(step: number, learned = true): Snapshot | null {
    const records = this.probe.records.splice(0)
    if (records.length === 0 || !learned) return null
    const of = (name: string) => records.find(({ layer }) => layer === name)
    const blocks = this.model.list.flatMap((block, i): BlockSnapshot[] => {
      const [linear, norm, act] = ['linear', 'norm', 'act'].map((part) => of(`blocks.${i}.${part}`))
      const batch = this.batchStatistics.get(block.norm)
      const statistics = batch && isBatchNorm(block.norm) ? { batch, running: runningStatistics(block.norm) } : null
      return linear && norm && act ? [{ ...blockSnapshot(linear, block.place === 'before' ? norm : linear, act), statistics }] : []
    })
    return { step, blocks }
  }

  /** Stops looking. */
  detach(): void {
    this.probe.detach()
    for (const handle of this.handles) handle.remove()
  }
}

function blockSnapshot(linear: LayerRecord, into: LayerRecord, act: LayerRecord): Omit<BlockSnapshot, 'statistics'> {
  const { weight } = linear.parameters
  return {
    into: valuesOf(into.activation),
    out: valuesOf(act.activation),
    dead: act.activation.zeros,
    saturated: act.activation.saturated,
    gradient: weight?.gradient?.norm ?? Number.NaN,
    ratio: weight?.gradientToWeight ?? Number.NaN,
  }
}

const nothing = { low: 0, high: 0, counts: [0], underflow: 0, overflow: 0, nan: 0 }
const valuesOf = ({ mean, std, histogram }: Summary): Values => ({ mean, std, histogram: histogram ?? nothing })
