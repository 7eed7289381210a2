import fc from 'fast-check'

// The same random cases in every run, so that a failure is there again after a change and belongs to the change. `FC_SEED=random npm test` looks for new
// ones; a failure prints its seed.
const seed = process.env.FC_SEED ?? '20261124'
if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) })
