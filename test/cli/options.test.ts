import { expect, test } from 'vitest'
import { UsageError } from '../../src/cli/command-line.js'
import { parse } from '../../src/cli/options.js'
import { compareExperiment, defaultsOf } from '../../src/experiments/index.js'

const defaultSettings = defaultsOf(compareExperiment.settings)

test('every option of compare', () => {
  const args = 'compare --norm none,batch --batch-size 2,8 --lr 0.05,5e-1 --epochs 1 --seed 7 --image-size 14 --out DIR --force --json'
  expect(parse(args.split(' '))).toEqual({
    kind: 'experiment',
    experiment: compareExperiment,
    settings: { norms: ['none', 'batch'], batchSizes: [2, 8], learningRates: [0.05, 0.5], samples: 5000, seed: 7, imageSize: '14' },
    walkthrough: false,
    out: 'DIR',
    force: true,
    json: true,
  })
  expect(parse(['compare', '--samples=320', '--lr=1'])).toMatchObject({ settings: { ...defaultSettings, samples: 320, learningRates: [1] } })
})

test('the main job', () => {
  expect(parse(['start'])).toEqual({
    kind: 'experiment',
    experiment: compareExperiment,
    settings: defaultSettings,
    walkthrough: true,
    out: null,
    force: false,
    json: false,
  })
})

test('advise', () => {
  expect(parse(['advise', '--arch', 'rnn', '--batch-size', '4', '--no-image', '--json'])).toEqual({
    kind: 'advise',
    settings: { arch: 'rnn', batchSize: 4, sequenceVariability: 'none', image: false, replicas: 1, channels: 64 },
    json: true,
  })
})

test.each([
  [[], { kind: 'help', command: null }],
  [['help'], { kind: 'help', command: null }],
  [['-V'], { kind: 'version' }],
  [['walkthrough'], { kind: 'walkthrough' }],
])('%j', (args, request) => {
  expect(parse(args)).toEqual(request)
})

test.each([['help compare'], ['compare -h'], ['compare --help'], ['compare --lr 0.1 --help']])('%s is the help of compare', (line) => {
  expect(parse(line.split(' '))).toMatchObject({ kind: 'help', command: { name: 'compare' } })
})

test.each([
  ['compar', "There is no command 'compar'. Did you mean compare?"],
  ['xyzzyplugh', "There is no command 'xyzzyplugh'. Commands: start, compare, experiment, advise, walkthrough, doctor, train, sample, lab, draw."],
  ['advise --arch cnm', "--arch must be one of cnn, mlp, rnn, transformer, vit, generator, got 'cnm'. Did you mean cnn?"],
  ['advise --image --no-image', 'Give --image or --no-image, not both.'],
  ['experiment axis', "There is no experiment 'axis'. Did you mean axes?"],
  ['experiment axes --shape 2,x', "--shape must be a whole number from 1 to 4096, got 'x'."],
  ['experiment axes --shape 2', 'axes: shape must have 2 to 5 axes, got [2].'],
  ['experiment axes --affine maybe', "--affine must be yes or no, got 'maybe'."],
  ['--hlep', 'The option --hlep has no command before it, and evenkeel by itself knows no such option. Did you mean --help?'],
  ['compare --nrom none', 'compare has no option --nrom. Did you mean --norm?'],
  ['walkthrough --out x', 'walkthrough has no option --out.'],
  ['start --json', 'start has no option --json.'],
  ['compare runs', "compare takes no argument 'runs'; options begin with --."],
  ['compare --norm none,batchs', "--norm must be one of none, batch, layer, got 'batchs'. Did you mean batch?"],
  ['compare --norm none,none', '--norm names none twice.'],
  ['compare --norm', '--norm needs a value: --norm LIST.'],
  ['compare --norm=', '--norm needs a value: --norm LIST.'],
  ['compare --json=yes', "--json takes no value, got 'yes'."],
  ['compare --seed 1 --seed 2', '--seed is given twice.'],
  ['compare --batch-size 0', "--batch-size must be a whole number from 1 to 5000, got '0'."],
  ['compare --batch-size 2.5', "--batch-size must be a whole number from 1 to 5000, got '2.5'."],
  ['compare --batch-size 2,,8', "--batch-size must be a whole number from 1 to 5000, got ''."],
  ['compare --lr -0.1', "--lr must be a finite number above 0, got '-0.1'."],
  ['compare --lr nan', "--lr must be a finite number above 0, got 'nan'."],
  ['compare --lr 1e999', "--lr must be a finite number above 0, got '1e999'."],
  ['compare --lr 0x10', "--lr must be a finite number above 0, got '0x10'."],
  ['compare --seed -1', "--seed must be a whole number from 0 to 9007199254740991, got '-1'."],
  ['compare --image-size 20', "--image-size must be one of 14, 28, got '20'."],
  ['compare --epochs 1 --samples 5', 'Give --epochs or --samples, not both.'],
  ['compare --samples 5', 'compare: samples must be at least one batch (32), got 5.'],
])('%s', (line, message) => {
  const attempt = () => parse(line.split(' '))
  expect(attempt).toThrow(UsageError)
  expect(attempt).toThrow(message)
})
