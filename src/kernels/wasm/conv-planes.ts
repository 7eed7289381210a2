import { allocator } from '../../core/allocator.js'
import type { View } from '../contract.js'
import type { ConvPlan } from './conv-plan.js'
import { launch, withScratch } from './launch.js'
import { address } from './views.js'

/**
 * Makes planes of as many samples as the workspace holds and calls `use` with their address, the first sample and their number, until all had
 * their turn. `tables` is the address of the plan's tables. The memory behind them is `extra` bytes for the caller's own use.
 */
export function withPlanes(
  plan: ConvPlan,
  image: View,
  extra: number,
  use: (planes: number, first: number, samples: number, tables: number, extra: number) => void,
): void {
  const batches = image.shape[0]
  const { tables: words, groups, channels, samplesAtOnce, size } = plan
  const [depth, height, width] = size
  const planeBytes = plan.inPlace ? 0 : samplesAtOnce * plan.batch
  withScratch('conv', planeBytes + words.length * 4 + extra, (planes) => {
    const tables = planes + planeBytes
    const memory = new Int32Array(allocator().memory.buffer, tables, words.length)
    for (let i = 0; i < words.length; i++) memory[i] = words[i]
    const own = tables + words.length * 4
    if (plan.inPlace) {
      use(address(image), 0, batches, tables, own)
      return
    }
    const [xBatch, xChannel, ...steps] = image.strides.map((stride) => stride * 4)
    const [xDepth, xHeight, xWidth] = [0, 0, ...steps].slice(-3)
    for (let first = 0; first < batches; first += samplesAtOnce) {
      const samples = Math.min(samplesAtOnce, batches - first)
      const x = address(image) + first * xBatch
      const blocks = samples * groups * depth * height
      const rowStep = plan.step * xWidth
      launch(
        'convPlanes',
        blocks,
        x,
        xBatch,
        xChannel,
        xDepth,
        xHeight,
        xWidth,
        rowStep,
        groups,
        channels,
        depth,
        height,
        width,
        tables + plan.sources,
        plan.runs,
        planes,
      )
      use(planes, first, samples, tables, own)
    }
  })
}
