import type { StackRun } from '../../src/experiments/train-eval-gap/stack.js'
import type { GapRun } from '../../src/experiments/train-eval-gap/training.js'
import { lesson, only } from './lesson.js'

/** Lessons on BatchNorm in training and in evaluation. */

/** A loss that is more than this times another is worse. */
const WORSE = 1.1

const lossRatio = ({ looks }: GapRun): { step: number; ratio: number; evalLoss: number; batchLoss: number } => {
  const { step, evalLoss, batchLoss } = looks[looks.length - 1]
  return { step, ratio: evalLoss / batchLoss, evalLoss, batchLoss }
}

const times = (ratio: number): string => `${ratio.toFixed(2)} ×`

export const gap = lesson<GapRun>({
  id: 'gap',
  title: 'One network, two functions',
  text: [
    'In train() BatchNorm uses the mean and variance of the batch. In eval() it uses running averages that it has gathered along the way, a tenth of each new batch at a time.',
    'A small convolutional network has had 10 updates. The weights are the same, the test digits are the same; only the mode differs.',
  ],
  code: 'model.train()  # statistics of the batch\nmodel.eval()   # running averages',
  question: 'Its loss in eval(), beside its loss with batch statistics?',
  answers: { lower: 'Lower: averages are less noisy', same: 'The same, nearly', higher: 'Higher' },
  experiment: 'train-eval-gap',
  flags: { part: 'training', momentum: '0.1', steps: '10', seeds: '1' },
  figure: 'loss',
  measure: (runs) => {
    const { ratio, evalLoss, batchLoss, step } = lossRatio(only(runs))
    return {
      answer: ratio > WORSE ? 'higher' : ratio < 1 / WORSE ? 'lower' : 'same',
      text: `After ${step} updates the loss in eval() was ${times(ratio)} that with batch statistics.`,
      readings: [
        { term: 'loss in eval()', value: evalLoss },
        { term: 'with batch statistics', value: batchLoss },
        { term: 'ratio', value: ratio },
      ],
    }
  },
  why: [
    'Running averages start at mean 0 and variance 1. After 10 updates with momentum 0.1 they still hold 0.9¹⁰ = 35% of that start, and what they did gather is of weights that have changed since.',
    'A network that seems to have learned nothing in eval() may have learned well: before you look for the fault elsewhere, run updateBn (torch.optim.swa_utils.update_bn), which takes the averages anew with the weights as they are.',
  ],
})

export const stack = lesson<StackRun>({
  id: 'stack',
  title: 'Twenty BatchNorms, and 15% are missing',
  text: [
    'Twenty BatchNorms one after the other, without weight and bias. One batch of 64 rows goes through in train(), and the running averages are set to exactly that batch (momentum 1). Then the same batch goes through in eval().',
    'Mean and variance are those of the very same numbers. So the two outputs should agree.',
  ],
  code: 'norms = nn.Sequential(*[nn.BatchNorm1d(256, affine=False, momentum=1.0) for _ in range(20)])\nnorms.train()(x).std()\nnorms.eval()(x).std()',
  question: 'The spread of the output in eval(), in shares of that in train()?',
  answers: { equal: '1: they agree', smaller: 'About 0.85', half: 'About 0.5', larger: 'About 1.17' },
  experiment: 'train-eval-gap',
  flags: { part: 'stack', 'stack-batch-sizes': '64', 'stack-layers': '20', seeds: '1' },
  measure: (runs) => {
    const { trainStd, evalStd, predicted } = only(runs)
    const ratio = evalStd / trainStd
    const places = { equal: 1, smaller: 0.85, half: 0.5, larger: 1.17 }
    const [answer] = Object.entries(places).reduce((best, place) => (Math.abs(place[1] - ratio) < Math.abs(best[1] - ratio) ? place : best))
    return {
      answer,
      text: `${ratio.toFixed(4)} measured, ${predicted.toFixed(4)} predicted by ((n − 1) ÷ n)^(L ÷ 2) with n = 64 and L = 20.`,
      readings: [
        { term: 'predicted', value: predicted, text: predicted.toFixed(4) },
        { term: 'measured', value: ratio, text: ratio.toFixed(4) },
        { term: 'spread in train()', value: trainStd, text: trainStd.toFixed(4) },
        { term: 'spread in eval()', value: evalStd, text: evalStd.toFixed(4) },
      ],
    }
  },
  why: [
    'BatchNorm normalises with the biased variance, the sum of squares divided by n, and remembers the unbiased one, divided by n − 1. The remembered variance is larger by n ÷ (n − 1), so in eval() each layer divides by a little too much: √(63 ÷ 64) = 0.9922 a layer.',
    'Twenty layers make that 0.9922²⁰ = (63 ÷ 64)¹⁰ = 0.8543. With weights in between the network makes up for some of it, but the smaller the batch and the deeper the network, the more there is to make up for. It was reported to PyTorch with the same figure (issue 100048).',
  ],
})

export const momentum = lesson<GapRun>({
  id: 'momentum',
  title: 'momentum=None',
  text: [
    'With momentum 0.1 each batch moves the running averages by a tenth. With momentum None they are the plain average of all batches so far, each with the same weight.',
    'Two networks, alike but for that, have had 20 updates.',
  ],
  code: 'nn.BatchNorm2d(16, momentum=0.1)\nnn.BatchNorm2d(16, momentum=None)',
  question: 'In which is eval() closer to what the batch statistics give?',
  answers: { tenth: 'Momentum 0.1: it forgets the first batches', none: 'Momentum None', same: 'No difference to speak of' },
  experiment: 'train-eval-gap',
  flags: { part: 'training', momentum: '0.1,none', steps: '20', seeds: '1' },
  figure: 'channel',
  measure: (runs) => {
    const [tenth, none] = [0.1, null].map((wanted) => lossRatio(only(runs, (run) => run.momentum === wanted)))
    const [a, b] = [tenth, none].map(({ ratio }) => Math.abs(Math.log(ratio)))
    return {
      answer: Math.abs(a - b) < Math.log(WORSE) ? 'same' : a < b ? 'tenth' : 'none',
      text: `After ${tenth.step} updates the loss in eval() was ${times(tenth.ratio)} that with batch statistics with momentum 0.1, and ${times(none.ratio)} with None.`,
      readings: [
        { term: 'ratio, momentum 0.1', value: tenth.ratio },
        { term: 'ratio, None', value: none.ratio },
      ],
    }
  },
  why: [
    'The first update with None sets the averages to the first batch: nothing is left of the arbitrary start at 0 and 1, which momentum 0.1 drags along for dozens of steps.',
    'Later it turns round. A plain average never forgets the batches of weights long gone, while a tenth at a time forgets them in twenty steps or so: the experiment, with 200 steps, shows it. None is for measuring (updateBn uses it), 0.1 is for training.',
  ],
})
