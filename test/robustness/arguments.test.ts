import {
  arange,
  DataLoader,
  type Dtype,
  F,
  full,
  IndexError,
  nn,
  noGrad,
  ones,
  optim,
  RuntimeError,
  Subset,
  saveSafetensors,
  scope,
  TensorDataset,
  tensor,
  ValueError,
  where,
  zeros,
} from 'evenkeel'
import { describe, expect, test } from 'vitest'

/** Anything, where a type would refuse it: what plain JavaScript lets through. */
const any = (value: unknown): never => value as never

type Row = [what: string, call: () => unknown, text: string | RegExp]

const x = ones([2, 3])
const image = ones([2, 3, 8, 8])
const indices = zeros([2], { dtype: 'int64' })
const options = (given: Record<string, unknown>): never => given as never

const misspelt: Row[] = [
  ['Linear', () => new nn.Linear(2, 3, options({ biass: false })), "'biass'. Did you mean 'bias'?"],
  ['Bilinear', () => new nn.Bilinear(2, 3, 4, options({ Bias: false })), "'Bias'. Did you mean 'bias'?"],
  ['Conv1d', () => new nn.Conv1d(1, 1, 3, options({ pading: 1 })), "'pading'. Did you mean 'padding'?"],
  ['Conv2d', () => new nn.Conv2d(1, 1, 3, options({ padding_mode: 'zeros' })), "'padding_mode'. Did you mean 'paddingMode'?"],
  ['Conv3d', () => new nn.Conv3d(1, 1, 3, options({ strides: 2 })), "'strides'. Did you mean 'stride'?"],
  ['ConvTranspose2d', () => new nn.ConvTranspose2d(1, 1, 3, options({ outputpadding: 1 })), "'outputpadding'. Did you mean 'outputPadding'?"],
  ['BatchNorm2d', () => new nn.BatchNorm2d(3, options({ track_running_stats: false })), "'track_running_stats'. Did you mean 'trackRunningStats'?"],
  ['BatchNorm1d', () => new nn.BatchNorm1d(3, options({ epsilon: 1 })), "unexpected option 'epsilon'"],
  ['LayerNorm', () => new nn.LayerNorm(3, options({ elementWiseAffine: false })), "'elementWiseAffine'. Did you mean 'elementwiseAffine'?"],
  ['MaxPool2d', () => new nn.MaxPool2d(2, options({ ceil_mode: true })), "'ceil_mode'. Did you mean 'ceilMode'?"],
  ['AvgPool2d', () => new nn.AvgPool2d(2, options({ countincludepad: true })), "'countincludepad'. Did you mean 'countIncludePad'?"],
  ['Dropout', () => new nn.Dropout(options({ P: 0.5 })), "'P'. Did you mean 'p'?"],
  ['Embedding', () => new nn.Embedding(4, 2, options({ paddingIndex: 0 })), "'paddingIndex'. Did you mean 'paddingIdx'?"],
  ['ReLU', () => new nn.ReLU(options({ inPlace: true })), "'inPlace'. Did you mean 'inplace'?"],
  ['LeakyReLU', () => new nn.LeakyReLU(options({ slope: 0.1 })), "unexpected option 'slope'"],
  ['CrossEntropyLoss', () => new nn.CrossEntropyLoss(options({ label_smoothing: 0.1 })), "'label_smoothing'. Did you mean 'labelSmoothing'?"],
  ['MSELoss', () => new nn.MSELoss(options({ Reducton: 'sum' })), "'Reducton'. Did you mean 'reduction'?"],
  ['Upsample', () => new nn.Upsample(options({ scale_factor: 2 })), "'scale_factor'. Did you mean 'scaleFactor'?"],
  ['F.conv2d', () => F.conv2d(image, ones([1, 3, 3, 3]), null, options({ group: 1 })), "'group'. Did you mean 'groups'?"],
  ['F.batchNorm', () => F.batchNorm(image, null, null, null, null, options({ train: true })), "'train'. Did you mean 'training'?"],
  ['F.layerNorm', () => F.layerNorm(x, [3], null, null, options({ EPS: 1 })), "'EPS'. Did you mean 'eps'?"],
  ['F.softplus', () => F.softplus(x, options({ betta: 2 })), "'betta'. Did you mean 'beta'?"],
  ['sum', () => x.sum(1, options({ keepDim: true })), "'keepDim'. Did you mean 'keepdim'?"],
  ['var', () => x.var(1, options({ corection: 0 })), "'corection'. Did you mean 'correction'?"],
  ['add', () => x.add(x, options({ alfa: 2 })), "'alfa'. Did you mean 'alpha'?"],
  ['zeros', () => zeros([2], options({ dytpe: 'int64' })), "'dytpe'. Did you mean 'dtype'?"],
  ['tensor', () => tensor([1], options({ requires_grad: true })), "'requires_grad'. Did you mean 'requiresGrad'?"],
  ['backward', () => ones([], { requiresGrad: true }).backward(null, options({ retain_graph: true })), "'retain_graph'. Did you mean 'retainGraph'?"],
  ['loadStateDict', () => new nn.Linear(1, 1).loadStateDict({}, options({ Strict: false })), "'Strict'. Did you mean 'strict'?"],
  ['SGD', () => new optim.SGD([x], options({ lr: 0.1, momentem: 0.9 })), "'momentem'. Did you mean 'momentum'?"],
  ['Adam', () => new optim.Adam([x], options({ weight_decay: 0.1 })), "'weight_decay'. Did you mean 'weightDecay'?"],
  ['AdamW', () => new optim.AdamW([x], options({ beta: [0.9, 0.99] })), "'beta'. Did you mean 'betas'?"],
  ['RMSprop', () => new optim.RMSprop([x], options({ centred: true })), "'centred'. Did you mean 'centered'?"],
  ['Adagrad', () => new optim.Adagrad([x], options({ lrdecay: 0.1 })), "'lrdecay'. Did you mean 'lrDecay'?"],
  ['DataLoader', () => new DataLoader([1], options({ batch_size: 2 })), "'batch_size'. Did you mean 'batchSize'?"],
]

describe('an option that is not known is refused, with the nearest that is', () => {
  test.each(misspelt)('%s', (_, call, text) => {
    expect(call).toThrow(TypeError)
    expect(call).toThrow(text)
  })

  test('options that are no object', () => {
    expect(() => new nn.BatchNorm2d(3, any('eps')).forward(image)).toThrow('batchNorm: eps must be a number, got string')
    expect(() => new nn.LayerNorm(3, any('eps')).forward(x)).toThrow('eps must be a number, got string')
    expect(() => x.add(x, any(null))).toThrow('add: options must be an object such as { alpha }, got null')
  })
})

const shapes: Row[] = [
  ['matmul', () => x.matmul(x), 'mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)'],
  ['add', () => x.add(ones([2])), 'The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1'],
  ['add_ that would grow', () => ones([3]).add_(x), "output with shape [3] doesn't match the broadcast shape [2, 3]"],
  ['copy_ that would grow', () => ones([3]).copy_(x), "output with shape [3] doesn't match the broadcast shape [2, 3]"],
  ['clamp_ that would grow', () => ones([3]).clamp_(0, x), "output with shape [3] doesn't match the broadcast shape [2, 3]"],
  ['maskedFill_ that would grow', () => ones([3]).maskedFill_(x.gt(0), 0), "output with shape [3] doesn't match the broadcast shape [2, 3]"],
  ['Linear', () => new nn.Linear(4, 1).forward(x), 'mat1 and mat2 shapes cannot be multiplied (2x3 and 4x1)'],
  ['Conv2d, channels', () => new nn.Conv2d(4, 1, 3).forward(image), 'to have 4 channels, but got 3 channels instead'],
  ['Conv2d, rank', () => new nn.Conv2d(3, 1, 3).forward(x), 'Expected 3D (unbatched) or 4D (batched) input to conv2d'],
  ['Conv2d, groups', () => new nn.Conv2d(3, 4, 3, { groups: 2 }), 'in_channels must be divisible by groups'],
  ['Conv2d, too large a kernel', () => new nn.Conv2d(3, 1, 9).forward(image), "Kernel size can't be greater than actual input size"],
  ['BatchNorm1d', () => new nn.BatchNorm1d(3).forward(image), 'expected 2D or 3D input (got 4D input)'],
  ['BatchNorm2d', () => new nn.BatchNorm2d(3).forward(x), 'expected 4D input (got 2D input)'],
  ['BatchNorm2d, channels', () => new nn.BatchNorm2d(4).forward(image), 'running_mean should contain 3 elements not 4'],
  ['BatchNorm1d, one value', () => new nn.BatchNorm1d(3).forward(ones([1, 3])), 'Expected more than 1 value per channel when training'],
  ['LayerNorm', () => new nn.LayerNorm([2, 2]).forward(image), 'Given normalized_shape=[2, 2], expected input with shape [*, 2, 2]'],
  ['LayerNorm of nothing', () => new nn.LayerNorm([]).forward(x), 'Expected normalized_shape to be at least 1-dimensional'],
  ['MaxPool2d', () => new nn.MaxPool2d(2).forward(ones([2])), /3D|4D|dim/],
  ['crossEntropy, batch', () => F.crossEntropy(x, zeros([3], { dtype: 'int64' })), 'Expected input batch_size (2) to match target batch_size (3).'],
  ['crossEntropy, class', () => F.crossEntropy(x, full([2], 3, { dtype: 'int64' })), 'Target 3 is out of bounds.'],
  ['crossEntropy, dtype', () => F.crossEntropy(x, zeros([2])), 'expected scalar type Long but found Float'],
  ['Embedding', () => new nn.Embedding(2, 3).forward(full([1], 2, { dtype: 'int64' })), /index out of range/],
  ['view', () => x.view(4), "shape '[4]' is invalid for input of size 6"],
  ['select', () => x.select(0, 2), 'select(): index 2 out of range for tensor of size [2, 3] at dimension 0'],
  ['sum', () => x.sum(2), 'Dimension out of range (expected to be in range of [-2, 1], but got 2)'],
  ['indexSelect', () => x.indexSelect(0, tensor([5n])), /out of range/],
  ['gather', () => x.gather(1, full([2, 1], 3, { dtype: 'int64' })), /out of bounds/],
  ['cat', () => F.pad(x, [1]), 'Padding length must be divisible by 2'],
  ['exp_ of integers', () => indices.exp_(), "result type Float can't be cast to the desired output type Long"],
  ['mean of integers', () => indices.mean(), 'could not infer output dtype'],
  ['requiresGrad of integers', () => ones([2], { dtype: 'int64', requiresGrad: true }), 'only Tensors of floating point dtype can require gradients'],
  ['backward of several', () => ones([2]).requiresGrad_().mul(2).backward(), 'grad can be implicitly created only for scalar outputs'],
]

describe('shapes, ranks and dtypes that do not fit', () => {
  test.each(shapes)('%s', (_, call, text) => {
    expect(() => scope(call)).toThrow(text)
  })
})

const kinds: Row[] = [
  ['relu of nothing', () => F.relu(any(undefined)), "relu: missing 1 required positional argument: 'input'"],
  ['relu of null', () => F.relu(any(null)), "relu: argument 'input' must be Tensor, not null"],
  ['conv2d of an array', () => F.conv2d(any([[1]]), ones([1, 1, 1, 1])), "conv2d: argument 'input' must be Tensor, not an array"],
  ['conv2d without weight', () => F.conv2d(image, any(undefined)), "conv2d: missing 1 required positional argument: 'weight'"],
  ['linear with a number for bias', () => F.linear(x, ones([1, 3]), any(1)), "linear: argument 'bias' must be Tensor, not number"],
  ['layers', () => new nn.Linear(3, 1).forward(any('x')), "linear: argument 'input' must be Tensor, not string"],
  ['BatchNorm2d', () => new nn.BatchNorm2d(3).forward(any(undefined)), "missing 1 required positional argument: 'input'"],
  ['add of text', () => x.add(any('1')), 'add: expected a Tensor or a number, got string'],
  ['where', () => where(any(true), x, 0), "where: argument 'condition' must be Tensor, not boolean"],
  ['a loss', () => F.mseLoss(x, any(undefined)), "mseLoss: missing 1 required positional argument: 'target'"],
  ['sizes', () => zeros(any([2, 'a'])), 'zeros: sizes must be whole numbers, got [2, a]'],
  ['a size that is not whole', () => zeros([1.5]), 'zeros: sizes must be whole numbers, got [1.5]'],
  ['a dtype', () => zeros([1], { dtype: any('float') }), "unknown dtype 'float', expected one of float32"],
  ['a dimension', () => x.sum(any('0')), /dim must be a whole number or an array of them, got string/],
  ['a number that is no int64', () => tensor([Number.NaN], { dtype: 'int64' }), 'cannot convert float NaN to integer'],
  ['nested arrays with gaps', () => tensor(any([[1, 2], [3]])), 'expected sequence of length 2 at dim 1 (got 1)'],
  ['nested arrays of text', () => tensor(any(['a'])), 'tensor: expected numbers, got string at dim 1'],
  ['layers without their sizes', () => new nn.Conv2d(any(undefined), any(undefined), any(undefined)), /missing 3 required positional arguments/],
  ['layers with text for sizes', () => new nn.Conv2d(any('3'), 1, 1), 'Conv2d: in_channels must be a number, got string'],
  [
    'Sequential of functions',
    () =>
      new nn.Sequential(
        any(() => 1),
        any(() => 2),
      ),
    'is not a Module subclass',
  ],
  ['noGrad without a function', () => noGrad(any(1)), 'noGrad: expected a function'],
  ['scope without a function', () => scope(any(undefined)), 'scope: expected a function'],
  ['an optimizer without parameters', () => new optim.SGD([], { lr: 0.1 }), 'optimizer got an empty parameter list'],
  ['an optimizer of numbers', () => new optim.SGD(any([1]), { lr: 0.1 }), 'optimizer can only optimize Tensors'],
  ['clipping', () => nn.utils.clipGradNorm_(any(undefined), 1), 'clipGradNorm_: expected tensors'],
  ['initialisation', () => nn.init.kaimingUniform_(any(null)), "argument 'tensor' must be Tensor, not null"],
  ['a state dict', () => new nn.Linear(1, 1).loadStateDict(any(null)), 'Expected state_dict to be dict-like'],
  ['a file of nothing', () => saveSafetensors(any(undefined)), 'saveSafetensors: expected an object of tensors by name'],
]

describe('what is no tensor, number, shape or function', () => {
  test.each(kinds)('%s', (_, call, text) => {
    expect(() => scope(call)).toThrow(text)
  })
})

describe('learning rates', () => {
  const makers: Record<string, (lr: number) => optim.Optimizer> = {
    SGD: (lr) => new optim.SGD([x], { lr }),
    Adam: (lr) => new optim.Adam([x], { lr }),
    AdamW: (lr) => new optim.AdamW([x], { lr }),
    Adamax: (lr) => new optim.Adamax([x], { lr }),
    NAdam: (lr) => new optim.NAdam([x], { lr }),
    RAdam: (lr) => new optim.RAdam([x], { lr }),
    RMSprop: (lr) => new optim.RMSprop([x], { lr }),
    Adagrad: (lr) => new optim.Adagrad([x], { lr }),
    Adadelta: (lr) => new optim.Adadelta([x], { lr }),
  }
  const wrong: [number, string][] = [
    [Number.NaN, 'nan'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [-0.1, '-0.1'],
  ]

  test.each(Object.entries(makers))('%s refuses what is not finite or below 0', (_, make) => {
    for (const [lr, text] of wrong) {
      expect(() => make(lr)).toThrow(ValueError)
      expect(() => make(lr)).toThrow(`Invalid learning rate: ${text}`)
    }
    expect(() => make(any('0.1'))).toThrow(/lr must be a number, got string/)
  })

  test.each(Object.entries(makers))('%s changes nothing with a rate that became NaN', (_, make) => {
    const before = x.toArray()
    const optimizer = make(0.1)
    x.grad = ones([2, 3])
    optimizer.paramGroups[0].lr = Number.NaN
    expect(() => optimizer.step()).toThrow('Invalid learning rate: nan')
    x.grad = null
    expect(x.toArray()).toEqual(before)
  })
})

describe('data sets without samples', () => {
  const empty = new TensorDataset(zeros([0, 3]), zeros([0]))

  test('have no batches, and no order', () => {
    expect([...new DataLoader(empty, { batchSize: 2 })]).toEqual([])
    expect(new DataLoader([]).length).toBe(0)
    expect(() => new DataLoader(empty, { shuffle: true })).toThrow('num_samples should be a positive integer value, but got num_samples=0')
    expect(() => empty.get(0)).toThrow(IndexError)
    expect(() => new Subset(empty, [0])).toThrow('index 0 is out of bounds for dimension 0 with size 0')
  })

  test('what is no data set', () => {
    expect(() => new DataLoader(any({ length: 3 }))).toThrow('expected a data set, with a length and get(index)')
    expect(() => new Subset(any(undefined), [0])).toThrow('Subset: expected a data set')
    expect(() => new TensorDataset(arange(3), any(undefined))).toThrow('TensorDataset: expected tensors')
  })

  test('layers and losses of nothing', () => {
    expect(new nn.BatchNorm2d(3).eval().forward(zeros([0, 3, 4, 4])).shape).toEqual([0, 3, 4, 4])
    expect(new nn.LayerNorm(3).forward(zeros([0, 3])).shape).toEqual([0, 3])
    expect(new nn.Linear(3, 2).forward(zeros([0, 3])).shape).toEqual([0, 2])
    expect(F.crossEntropy(zeros([0, 3]), zeros([0], { dtype: 'int64' })).item()).toBeNaN()
    expect(() => zeros([0]).max()).toThrow(RuntimeError)
  })
})

test('numbers that no dtype can hold do not trap', () => {
  const dtypes: Dtype[] = ['float16', 'bfloat16', 'int8', 'uint8', 'int16', 'int32', 'int64', 'bool']
  for (const dtype of dtypes) {
    for (const value of [1e300, -1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
      const t = ones([3], { dtype }).fill_(value)
      expect(t.to('float64').toTypedArray().length).toBe(3)
      expect(tensor([value, 1]).to(dtype).numel()).toBe(2)
    }
  }
})
