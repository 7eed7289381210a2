// npm run build: dependencies, kernels and dist, each where its sources have changed. Also runs before npm pack.

import { setUpOrExit } from './setup.mjs'

await setUpOrExit()
