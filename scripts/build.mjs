// npm run build: dependencies, kernels and dist, each where its sources have changed. Also runs before npm pack.

import { orExit, setUp } from './setup.mjs'

await orExit(setUp)
