import { type NormCode, normCode } from './norms.js'
import { choice, completeSettings, integer, type SettingsOf, toggle } from './settings.js'

/** Which norm for which network: rules of the field, each with the experiment that puts it to the test. */

export type Architecture = 'cnn' | 'mlp' | 'rnn' | 'transformer' | 'vit' | 'generator'
export type Variability = 'none' | 'some' | 'much'

const architectures = {
  cnn: 'convolutional network',
  mlp: 'multilayer perceptron',
  rnn: 'recurrent network',
  transformer: 'transformer',
  vit: 'vision transformer',
  generator: 'image generator',
} as const

export const adviseSettings = {
  arch: choice<Architecture>({ default: 'cnn', label: 'architecture', help: 'Kind of network', choices: architectures }),
  batchSize: integer({ default: 32, label: 'batch size', help: 'Samples in a batch of one replica', min: 1, max: 1_000_000 }),
  sequenceVariability: choice<Variability>({
    default: 'none',
    label: 'sequence lengths',
    help: 'How much lengths differ within a batch',
    choices: { none: 'all alike', some: 'they differ', much: 'they differ by a factor' },
  }),
  image: toggle({ default: true, label: 'images', help: 'Whether inputs are images' }),
  replicas: integer({ default: 1, label: 'replicas', help: 'Copies of the network that train together', min: 1, max: 100_000 }),
  channels: integer({ default: 64, label: 'channels', help: 'Channels or features, for the lines to write', min: 1, max: 1_000_000 }),
}
export type AdviseSettings = SettingsOf<typeof adviseSettings>

export interface Reason {
  text: string
  /** The experiment that measures it: `evenkeel experiment NAME`. */
  experiment: string
}

export interface Advice {
  /** As the layer is called: `GroupNorm`. */
  norm: string
  /** Whether the field agrees, or it depends on what only a run of one's own can tell. */
  certainty: 'sure' | 'depends'
  reasons: Reason[]
  /** What to try where the advice disappoints. */
  dependsOn: string[]
  code: NormCode
}

/** From how many samples on a batch's statistics are commonly trusted; Wu and He 2018 (arXiv:1803.08494, figure 1) see losses below 16. */
const ENOUGH_SAMPLES = 16

/**
 * Which norm for a network, why, and the lines that make it.
 * @throws TypeError for an unknown setting, ValueError for a value that is not allowed
 */
export function advise(given: Partial<AdviseSettings> = {}): Advice {
  const settings = completeSettings('advise', adviseSettings, given)
  const { arch } = settings
  if (arch === 'transformer' || arch === 'vit') return forTransformer(settings)
  if (arch === 'rnn') return forRecurrent(settings)
  if (arch === 'generator') return forGenerator(settings)
  return forBatches(settings)
}

function forTransformer({ arch, channels, sequenceVariability }: AdviseSettings): Advice {
  return {
    norm: 'LayerNorm',
    certainty: arch === 'vit' ? 'depends' : 'sure',
    reasons: [
      {
        text: 'A token is normalised by itself: neither the batch nor the length of a sequence enters, and evaluation is the same function as training.',
        experiment: 'axes',
      },
      { text: 'Placed before attention and feed-forward (pre-norm), gradients reach the first layers through the skips.', experiment: 'gradient-flow' },
      ...(arch === 'vit' ? [{ text: 'That images want BatchNorm is measured for transformers, too.', experiment: 'vision-transformer' }] : []),
      ...lengths(sequenceVariability),
    ],
    dependsOn: ['RMSNorm saves the mean and often does as well: try it where speed counts.'],
    code: normCode('layer', [1, 1, channels], { normalizedAxes: 1 }),
  }
}

const lengths = (variability: Variability): Reason[] =>
  variability === 'none'
    ? []
    : [{ text: 'Lengths differ: statistics over the batch would mix padding with data, those of a token do not.', experiment: 'sequence-length' }]

function forRecurrent({ channels, sequenceVariability }: AdviseSettings): Advice {
  return {
    norm: 'LayerNorm',
    certainty: sequenceVariability === 'none' ? 'depends' : 'sure',
    reasons: [
      {
        text: 'BatchNorm needs statistics for every step, and late steps of long sequences have few samples; LayerNorm needs none.',
        experiment: 'sequence-length',
      },
      ...lengths(sequenceVariability),
    ],
    dependsOn: [
      sequenceVariability === 'none'
        ? 'With sequences of one length and large batches, BatchNorm per step can do as well.'
        : 'Whether masking the padding helps: experiment sequence-length measures it.',
    ],
    code: normCode('layer', [1, 1, channels], { normalizedAxes: 1 }),
  }
}

function forGenerator({ channels }: AdviseSettings): Advice {
  return {
    norm: 'InstanceNorm2d',
    certainty: 'depends',
    reasons: [
      { text: 'It takes the contrast of each image out of each channel, and no image depends on its companions (Ulyanov et al. 2016).', experiment: 'axes' },
    ],
    dependsOn: ['Where contrast carries meaning, GroupNorm keeps more of it.'],
    code: normCode('instance', [1, channels, 1, 1]),
  }
}

function forBatches({ arch, batchSize, replicas, image, channels }: AdviseSettings): Advice {
  const convolutional = arch === 'cnn'
  const shape = convolutional ? (image ? [1, channels, 1, 1] : [1, channels, 1]) : [1, channels]
  const together = batchSize * replicas
  const small: Reason = {
    text: `A mean and variance of ${batchSize} samples is noisy, and running averages of such batches describe the data badly.`,
    experiment: 'batch-size',
  }
  if (batchSize >= ENOUGH_SAMPLES) {
    return {
      norm: convolutional && image ? 'BatchNorm2d' : 'BatchNorm1d',
      certainty: 'depends',
      reasons: [
        { text: `${batchSize} samples are enough for a channel's statistics.`, experiment: 'batch-size' },
        { text: 'It allows higher learning rates than the network without norm.', experiment: 'learning-rate' },
      ],
      dependsOn: [
        'Evaluation uses running averages: with few steps, or data that shift, run updateBn or take a norm within the sample (experiment train-eval-gap).',
      ],
      code: normCode('batch', shape),
    }
  }
  if (replicas > 1 && together >= ENOUGH_SAMPLES) {
    const line = normCode('batch', shape)
    return {
      norm: 'SyncBatchNorm',
      certainty: 'depends',
      reasons: [small, { text: `${replicas} replicas together have ${together} samples, whose statistics SyncBatchNorm shares.`, experiment: 'batch-size' }],
      dependsOn: ['GroupNorm needs no exchange between replicas: try it where that is slow.'],
      code: {
        pytorch: `nn.SyncBatchNorm(${channels})  # in place of ${line.pytorch}`,
        evenkeel: `new nn.SyncBatchNorm(${channels}) // in place of ${line.evenkeel}`,
      },
    }
  }
  const reasons: Reason[] = [small, { text: 'A norm within the sample is the same in evaluation, whatever the batch.', experiment: 'train-eval-gap' }]
  const dependsOn = [
    'On small and easy data BatchNorm may keep up: images have many positions, which count like samples. Run experiment batch-size on sizes like yours.',
  ]
  if (!convolutional) return { norm: 'LayerNorm', certainty: batchSize === 1 ? 'sure' : 'depends', reasons, dependsOn, code: normCode('layer', shape) }
  return { norm: 'GroupNorm', certainty: 'depends', reasons, dependsOn, code: normCode('group', shape, { groups: groupsFor(channels) }) }
}

/** 32, or the most that divide the channels by halving it. */
function groupsFor(channels: number): number {
  let groups = 32
  while (channels % groups !== 0) groups /= 2
  return groups
}
