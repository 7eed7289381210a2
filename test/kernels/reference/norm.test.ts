import { describe, expect, test } from 'vitest'
import type { RowNormGeometry, View } from '../../../src/kernels/contract.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { empty, floatDtypes, numbers, tensor, view } from './views.js'

function expectNear(got: View, want: readonly number[], digits = 13): void {
  const values = numbers(got)
  expect(values.length).toBe(want.length)
  values.forEach((value, i) => {
    expect(value).toBeCloseTo(want[i], digits)
  })
}

// Values of torch.nn.functional.batch_norm, group_norm and rms_norm in float64, eps 1e-5.
describe('batchNorm', () => {
  const x = tensor([1, 2, 5, -1, 0, 4, 2, 3], 'float64', [2, 2, 2])
  const dy = tensor([1, -1, 0.5, 2, 3, 0, -2, 1], 'float64', [2, 2, 2])
  const [weight, bias] = [tensor([1.5, -2]), tensor([0.25, 0.5])]
  const output = [
    -0.5106370906585875, 0.5035456968861958, -2.040338474741426, 3.5022181974216853, -1.5248198782033708, 2.5319112719757624, 0.7309398613401297,
    -0.1928195840203888,
  ]

  test('training', () => {
    const [y, mean, rstd] = [empty([2, 2, 2]), empty([2]), empty([2])]
    const running = { mean: tensor([0.1, 0.2]), variance: tensor([1, 2]), momentum: 0.3 }
    reference.batchNorm(x, weight, bias, running, 1e-5, y, mean, rstd)
    expectNear(y, output)
    expectNear(running.mean, [0.595, 0.815])
    expectNear(running.variance, [1.575, 3.275])
    expectNear(mean, [1.75, 2.25])

    const [dx, dweight, dbias] = [empty([2, 2, 2]), empty([2]), empty([2])]
    reference.batchNormBackward(dy, x, weight, mean, rstd, true, dx, dweight, dbias)
    expectNear(
      dx,
      [
        -0.2897640270254858, -1.5937166368994768, -0.6404720954453414, -0.8806519948855155, 1.014188582848505, 0.8692920810764575, 2.2416561522562564,
        -0.7205320619253994,
      ],
    )
    expectNear(dweight, [-4.22576161476993, -1.7897839253860046])
    expectNear(dbias, [3, 1.5])
  })

  test('inference with the running statistics', () => {
    const [mean, rstd, y] = [tensor([0.595, 0.815]), tensor([1.575, 3.275].map((v) => 1 / Math.sqrt(v + 1e-5))), empty([2, 2, 2])]
    reference.batchNormInference(x, weight, bias, mean, rstd, y)
    expectNear(
      y,
      [
        0.7340660500652495, 1.9292908650411742, -4.12507886745893, 2.5058585769266326, -0.4611587649106751, 4.319740494993023, -0.8096101452661486,
        -1.9147663859970756,
      ],
    )
    const [dx, dweight] = [empty([2, 2, 2]), empty([2])]
    reference.batchNormBackward(dy, x, weight, mean, rstd, false, dx, dweight, null)
    expectNear(
      dx,
      [1.1952248149759246, -1.1952248149759246, -0.5525781203654635, -2.210312481461854, 3.5856744449277738, 0, 2.210312481461854, -1.105156240730927],
    )
    expectNear(dweight, [-2.2191340731386333, -0.9518158123295107])
  })

  test('a channels-last input gives the same', () => {
    const last = tensor([1, 5, 2, -1, 0, 2, 4, 3], 'float64', [2, 2, 2])
    const [y, mean, rstd] = [empty([2, 2, 2]), empty([2]), empty([2])]
    reference.batchNorm(view(last, [2, 2, 2], [4, 1, 2]), weight, bias, { mean: null, variance: null, momentum: 0 }, 1e-5, y, mean, rstd)
    expectNear(y, output)
  })

  test('one running statistic alone is updated; an empty batch updates none', () => {
    const [mean, rstd, running] = [empty([2]), empty([2]), tensor([1, 2])]
    reference.batchNorm(x, null, null, { mean: null, variance: running, momentum: 0.3 }, 1e-5, empty([2, 2, 2]), mean, rstd)
    expectNear(running, [1.575, 3.275])
    const none = tensor([], 'float64', [0, 2, 2])
    reference.batchNorm(none, null, null, { mean: running, variance: running, momentum: 0.3 }, 1e-5, none, mean, rstd)
    expectNear(running, [1.575, 3.275])
  })

  test.each(floatDtypes)('%s: statistics stay exact at a large offset', (dtype) => {
    const offset = dtype === 'float16' || dtype === 'bfloat16' ? 128 : 2 ** 20
    const values = tensor([offset, offset + 1, offset + 1, offset + 2], dtype, [4, 1, 1])
    const [y, mean, rstd] = [empty([4, 1, 1], dtype), empty([1]), empty([1])]
    reference.batchNorm(values, null, null, { mean: null, variance: null, momentum: 0 }, 0, y, mean, rstd)
    expect(numbers(mean)).toEqual([offset + 1])
    expect(numbers(rstd)).toEqual([1 / Math.sqrt(0.5)])
    const rounded = tensor([-1 / Math.sqrt(0.5), 0, 0, 1 / Math.sqrt(0.5)], dtype)
    expect(numbers(y)).toEqual(numbers(rounded))
  })
})

describe('rowNorm', () => {
  test('GroupNorm of two groups', () => {
    const geometry: RowNormGeometry = { rows: 4, size: 4, groups: 2, run: 2 }
    const x = tensor([1, 2, 5, -1, 0, 4, 2, 3, 6, 2, -5, 1, 1, 4, 2, -3], 'float64', [2, 4, 2])
    const dy = tensor(
      Array.from({ length: 16 }, (_, i) => Math.sin(i)),
      'float64',
      [2, 4, 2],
    )
    const [weight, bias] = [tensor([1, 2, 3, 4]), tensor([0.1, 0.2, 0.3, 0.4])]
    const [y, mean, rstd] = [empty([2, 4, 2]), empty([4]), empty([4])]
    reference.rowNorm(x, weight, bias, geometry, 1e-5, y, mean, rstd)
    expectNear(
      y,
      [
        -0.24640979201019442, 0.2154699306700648, 3.202218197421685, -2.3403384747414258, -4.263822543951525, 3.8496397564067415, -0.27612185836318925,
        2.428365575089566, 1.370000860324274, 0.3540001720648548, -2.848002064778258, 0.2, 0.3, 3.8300877170362666, 1.9689278742383407, -5.875711496953363,
      ],
    )
    expectNear(mean, [1.75, 2.25, 1, 1])
    const [dx, dweight, dbias] = [empty([2, 4, 2]), empty([4]), empty([4])]
    reference.rowNormBackward(dy, x, weight, geometry, mean, rstd, dx, dweight, dbias)
    expectNear(
      dx,
      [
        -0.24100481201293855, 0.01599618505971906, 0.07233772252370677, 0.1526709044295128, -0.5162009030721337, -1.6446222433282578, -0.09602671855666811,
        2.256849864957059, 0.11489778034253052, 0.1630748791680128, 0.12292697215328142, -0.4008996316638248, -1.2407511276346725, 0.005456161627144351,
        0.9849619547222651, 0.2503330112852634,
      ],
    )
    expectNear(dweight, [1.4583285868197624, 2.0147970824641175, 0.5111010188275221, -0.2513248639984158])
    expectNear(dbias, [2.2429477166730347, -0.4935938825545243, -1.8321326511448606, 2.0184662963718503])
  })

  test('RMSNorm does not centre', () => {
    const geometry: RowNormGeometry = { rows: 2, size: 3, groups: 1, run: 1 }
    const x = tensor([1, 2, 4, 0, -1, 5], 'float64', [2, 3])
    const weight = tensor([1, 2, 3])
    const [y, rstd] = [empty([2, 3]), empty([2])]
    reference.rowNorm(x, weight, null, geometry, 1e-5, y, null, rstd)
    expectNear(y, [0.3779642030348929, 1.5118568121395717, 4.535570436418715, 0, -0.6793658285450463, 5.095243714087848])
    const [dx, dweight] = [empty([2, 3]), empty([3])]
    reference.rowNormBackward(tensor([1, 2, -1, 0.5, 0, 1], 'float64', [2, 3]), x, weight, geometry, null, rstd, dx, dweight, null)
    expectNear(dx, [0.4319590120472933, 1.6198464301643725, -0.9179133730550773, 0.1698414571362616, 0.19597068596027958, 0.03919531301617152])
    expectNear(dweight, [0.3779642030348929, 1.5118568121395717, 0.1865577592230443])
  })

  test('without parameters the gradient is that of weight 1', () => {
    const geometry: RowNormGeometry = { rows: 2, size: 3, groups: 1, run: 1 }
    const [x, dy] = [tensor([1, 2, 4, 0, -1, 5], 'float64', [2, 3]), tensor([1, 2, -1, 0.5, 0, 1], 'float64', [2, 3])]
    const [y, mean, rstd, plain, weighted] = [empty([2, 3]), empty([2]), empty([2]), empty([2, 3]), empty([2, 3])]
    reference.rowNorm(x, null, null, geometry, 1e-5, y, mean, rstd)
    reference.rowNormBackward(dy, x, null, geometry, mean, rstd, plain, null, null)
    reference.rowNormBackward(dy, x, tensor([1, 1, 1]), geometry, mean, rstd, weighted, null, null)
    expect(numbers(plain)).toEqual(numbers(weighted))
    expect(numbers(y).reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(6, 4)
  })
})
