import { expect, test } from 'vitest'
import { detectAnomaly, setDetectAnomaly } from '../../src/autograd/index.js'
import { tensor } from '../../src/ops/index.js'

const infiniteSlope = () => tensor([0], { requiresGrad: true, dtype: 'float64' }).sqrt().mul(0)

test('names the operation whose gradient became NaN, and where it was called', () => {
  expect(() => detectAnomaly(() => infiniteSlope().backward())).toThrow(
    /Function 'SqrtBackward0' returned nan values in its 0th output\.\nThe forward call was:\n.*anomaly\.test\.ts/s,
  )
})

test('says so where the forward call came before it', () => {
  const y = infiniteSlope()
  expect(() => detectAnomaly(() => y.backward())).toThrow('its place is unknown')
})

test('a sound pass is not disturbed, and the mode ends', () => {
  const x = tensor([4], { requiresGrad: true, dtype: 'float64' })
  detectAnomaly(() => x.sqrt().backward())
  expect(x.grad?.toArray()).toEqual([0.25])
  infiniteSlope().backward()
  setDetectAnomaly(true)
  expect(() => infiniteSlope().backward()).toThrow('nan values')
  setDetectAnomaly(false)
  infiniteSlope().backward()
})
