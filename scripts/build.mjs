// npm run build: dependencies, kernels and dist, each where its sources have changed. Also runs before npm pack.

import { say, setUp } from './setup.mjs'

try {
  await setUp()
} catch (error) {
  say(error.message)
  process.exit(1)
}
