import type { CompareResult, RunResult } from '../../src/experiments/compare/result.js'
import type { RunConfig } from '../../src/experiments/compare/settings.js'

/** A run with figures of one's choice. */
export function madeUpRun(config: Pick<RunConfig, 'norm' | 'batchSize' | 'learningRate'>, figures: Partial<RunResult> = {}): RunResult {
  return {
    samples: 1000,
    seed: 0,
    imageSize: '28',
    ...config,
    status: 'finished',
    divergence: null,
    steps: 100,
    stepsPlanned: 100,
    losses: [2.3, 1.2, 0.4],
    lossAt: [
      { samples: 125, loss: 2 },
      { samples: 250, loss: 1 },
      { samples: 500, loss: 0.5 },
      { samples: 1000, loss: 0.25 },
    ],
    testAccuracy: 0.9,
    testLoss: 0.3,
    msPerStep: 2,
    firstLayerGradientNorm: 0.5,
    layers: [
      { layer: 'conv1', samples: [0, 500], mean: [0.1, 0.2], std: [1, 1.5], gradientNorm: [0.3, 0.2], weightGradientNorm: [0.5, 0.4] },
      { layer: 'norm1', samples: [0, 500], mean: [0, 0.01], std: [1, 1.01], gradientNorm: [0.3, 0.2], weightGradientNorm: null },
    ],
    ...figures,
  }
}

export const madeUpResult = (runs: RunResult[], more: Partial<CompareResult> = {}): CompareResult => ({
  settings: {
    norms: [...new Set(runs.map(({ norm }) => norm))],
    batchSizes: [...new Set(runs.map(({ batchSize }) => batchSize))],
    learningRates: [...new Set(runs.map(({ learningRate }) => learningRate))],
    samples: 1000,
    seed: 0,
    imageSize: '28',
  },
  experiment: 'compare',
  planned: runs.length,
  complete: true,
  runs,
  findings: [],
  ...more,
})
