import { axesExperiment } from './axes/experiment.js'
import { batchSizeExperiment } from './batch-size/experiment.js'
import { compareExperiment } from './compare/experiment.js'
import type { Experiment } from './experiment.js'
import { gradientFlowExperiment } from './gradient-flow/experiment.js'
import { learningRateExperiment } from './learning-rate/experiment.js'
import { longSequencesExperiment } from './long-sequences/experiment.js'
import { sequenceLengthExperiment } from './sequence-length/experiment.js'
import { trainEvalGapExperiment } from './train-eval-gap/experiment.js'
import { visionTransformerExperiment } from './vision-transformer/experiment.js'

/** Every experiment, from what norms are to where they help and where they fail. */
export const experiments: readonly Experiment[] = [
  axesExperiment,
  compareExperiment,
  batchSizeExperiment,
  learningRateExperiment,
  gradientFlowExperiment,
  trainEvalGapExperiment,
  sequenceLengthExperiment,
  longSequencesExperiment,
  visionTransformerExperiment,
]
