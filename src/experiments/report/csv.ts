import type { CompareResult } from '../compare/result.js'

/**
 * All series as one table, a number a row: norm, batch_size, learning_rate, step, samples (seen before the step), layer (empty for the
 * network as a whole), measure, value. A figure of a whole run has no step. Values that are not finite are written NaN, Infinity, -Infinity.
 */
export function csv({ runs }: CompareResult): string {
  const lines = ['norm,batch_size,learning_rate,step,samples,layer,measure,value']
  for (const run of runs) {
    const { norm, batchSize, learningRate } = run
    const add = (step: number | '', layer: string, measure: string, value: number | null) => {
      if (value !== null) lines.push(`${norm},${batchSize},${learningRate},${step},${step === '' ? '' : step * batchSize},${layer},${measure},${value}`)
    }
    for (const [step, loss] of run.losses.entries()) add(step, '', 'training_loss', loss)
    for (const series of run.layers) {
      for (const [i, samples] of series.samples.entries()) {
        const step = samples / batchSize
        add(step, series.layer, 'activation_mean', series.mean[i])
        add(step, series.layer, 'activation_std', series.std[i])
        add(step, series.layer, 'activation_gradient_norm', series.gradientNorm[i])
        add(step, series.layer, 'weight_gradient_norm', series.weightGradientNorm?.[i] ?? null)
      }
    }
    add('', '', 'test_accuracy', run.testAccuracy)
    add('', '', 'test_loss', run.testLoss)
    add('', '', 'ms_per_step', run.msPerStep)
    add('', 'conv1', 'median_weight_gradient_norm', run.firstLayerGradientNorm)
  }
  return `${lines.join('\n')}\n`
}
