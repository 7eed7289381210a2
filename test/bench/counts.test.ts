import { expect, test } from 'vitest'
import { trainingStep } from '../../bench/cnn.js'
import { allocator } from '../../src/core/allocator.js'
import { memory, resetPeakMemory, setNumThreads } from '../../src/index.js'
import { launchCount } from '../../src/kernels/wasm/launch.js'

/**
 * A training step of the CNN that the benchmark times, by what it does rather than by how long that takes: counts are the same on every
 * machine and under every load. A change that does more shows here; so does one that does less, which is then stored with `vitest -u`.
 */

const WARM_UP = 3

// Each thread has working memory of its own.
setNumThreads(1)

function countStep(norm: 'batch' | 'layer') {
  const others = memory().bytes
  const { run } = trainingStep(norm)
  for (let i = 0; i < WARM_UP; i++) run()
  const { counts } = allocator()
  const before = { launches: launchCount(), live: memory().bytes, ...counts }
  resetPeakMemory()
  run()
  return {
    launches: launchCount() - before.launches,
    allocations: counts.allocations - before.allocations,
    allocatedBytes: counts.bytes - before.bytes,
    freshBytes: counts.freshBytes - before.freshBytes,
    growthOfLiveBytes: memory().bytes - before.live,
    peakBytes: memory().peakBytes - others,
  }
}

test('launches, allocations and bytes of a training step are as stored', async () => {
  const figures = { cnn_bn_step: countStep('batch'), cnn_ln_step: countStep('layer') }
  await expect(`${JSON.stringify(figures, null, 2)}\n`).toMatchFileSnapshot('counts.json')
})

test('a training step in its steady state takes no new memory', () => {
  for (const norm of ['batch', 'layer'] as const) expect(countStep(norm)).toMatchObject({ freshBytes: 0, growthOfLiveBytes: 0 })
})
