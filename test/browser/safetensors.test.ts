import { loadSafetensors, manualSeed, nn, randn, saveSafetensors, tensor } from 'evenkeel'
import { expect, test } from 'vitest'

test('a model goes through a file of the page and back: Blob, object URL, fetch', async () => {
  manualSeed(0)
  const make = () => new nn.Sequential(new nn.Conv2d(1, 3, 3), new nn.BatchNorm2d(3), new nn.ReLU(), new nn.Flatten(), new nn.Linear(48, 2))
  const model = make()
  const x = randn([4, 1, 6, 6])
  model.forward(x)
  const url = URL.createObjectURL(new Blob([saveSafetensors(model.stateDict(), { format: 'pt' }) as BlobPart]))
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer())
  URL.revokeObjectURL(url)
  const copy = make()
  copy.loadStateDict(loadSafetensors(bytes))
  const [before, after] = [model, copy].map((m) => m.eval().forward(x) as ReturnType<typeof randn>)
  expect(after.toArray()).toEqual(before.toArray())
  expect(copy.stateDict()['1.num_batches_tracked'].item()).toBe(1)
})

test('every dtype survives, and bytes from a file may lie anywhere', async () => {
  const dtypes = ['float32', 'float64', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool'] as const
  const tensors = Object.fromEntries(
    dtypes.map((dtype) => [
      dtype,
      tensor(
        [
          [0, 1, 1],
          [1, 0, 1],
        ],
        { dtype },
      ),
    ]),
  )
  const file = new File([saveSafetensors(tensors) as BlobPart], 'all.safetensors')
  const shifted = new Uint8Array(file.size + 3)
  shifted.set(new Uint8Array(await file.arrayBuffer()), 3)
  const loaded = loadSafetensors(shifted.subarray(3))
  for (const dtype of dtypes) {
    expect(loaded[dtype].dtype).toBe(dtype)
    expect(loaded[dtype].toArray()).toEqual(tensors[dtype].toArray())
  }
})
