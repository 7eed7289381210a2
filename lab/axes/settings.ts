import { choice, integer, seed, toggle } from '../../src/experiments/settings.js'

/** What can be chosen about the block. */
export const axesSettings = {
  norm: choice({
    default: 'batch',
    label: 'norm',
    help: 'Which layer normalises',
    choices: { batch: 'BatchNorm', layer: 'LayerNorm', instance: 'InstanceNorm', group: 'GroupNorm', rms: 'RMSNorm' },
  }),
  input: choice({
    default: 'image',
    label: 'input',
    help: 'What the axes of the block are',
    choices: { image: 'images (N, C, H, W)', sequence: 'sequences (N, L, C)', table: 'rows (N, C)' },
  }),
  n: integer({ default: 3, min: 1, max: 6, label: 'N', help: 'Samples in the batch' }),
  c: integer({ default: 4, min: 1, max: 12, label: 'C', help: 'Channels, or features' }),
  h: integer({ default: 3, min: 1, max: 6, label: 'H', help: 'Rows of an image' }),
  w: integer({ default: 3, min: 1, max: 6, label: 'W', help: 'Columns of an image' }),
  l: integer({ default: 5, min: 1, max: 8, label: 'L', help: 'Steps of a sequence' }),
  groups: integer({ default: 2, min: 1, max: 12, label: 'groups', help: 'Groups of channels, which must divide C' }),
  trailing: integer({ default: 3, min: 1, max: 4, label: 'normalizedShape', help: 'How many of the last axes share a statistic' }),
  trained: toggle({ default: false, label: 'weight and bias as if trained', help: 'In place of 1 and 0' }),
  seed: seed({ help: 'Of the numbers in the block' }),
}
export type AxesSettings = { [K in keyof typeof axesSettings]: (typeof axesSettings)[K]['default'] }
export type NormChoice = AxesSettings['norm']
