import { expect, it } from 'vitest'
import { loadDigits } from '../../src/data/digits.js'

it('digits come over the network in a page', async () => {
  const { train, test } = await loadDigits({ size: 14 })
  expect(train.tensors[0].shape).toEqual([5000, 1, 14, 14])
  expect(Array.from(test.tensors[1].data.subarray(0, 5), Number)).toEqual([7, 2, 1, 0, 4])
})

it('says where the file was not found', async () => {
  await expect(loadDigits({ source: '/nowhere/digits.bin.gz' })).rejects.toThrow(
    /can't read \/nowhere\/digits\.bin\.gz: the server answered 404|does not begin with EKD1/,
  )
})
