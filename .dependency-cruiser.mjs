// The directions imports may take. Type imports count too: a type that points back is the first step of an import that does.

/** From the ground up: a room may import from those in earlier storeys; the rooms of one storey know nothing of each other. */
const storeys = [['core'], ['kernels'], ['autograd'], ['ops'], ['nn'], ['models', 'optim', 'data', 'io', 'inspect'], ['experiments'], ['training'], ['cli']]

const rooms = storeys.flat()
const anyOf = (names) => `^src/(${names.join('|')})/`

const oneWay = storeys.flatMap((storey, level) =>
  storey.map((room) => {
    const below = storeys.slice(0, level).flat()
    return {
      name: `${room}-imports-only-below`,
      comment: `src/${room} may import from itself${below.length ? ` and from ${below.join(', ')}` : ''}.`,
      severity: 'error',
      from: { path: anyOf([room]) },
      to: { path: anyOf(rooms), pathNot: anyOf([...below, room]) },
    }
  }),
)

export default {
  forbidden: [
    ...oneWay,
    {
      name: 'no-way-back-through-the-index',
      comment: 'src/index.ts is for users, the experiments and the command. A room that imported it would import every other.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(experiments|training|cli)/|^src/[^/]+$' },
      to: { path: '^src/[^/]+$' },
    },
    {
      name: 'no-circular',
      comment: 'Modules in a circle cannot be loaded one without the other. (Two types may name each other: those imports are gone at run time.)',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'node-built-ins-behind-a-door',
      comment: 'The library runs in browsers: Node built-ins only in the command, in io/node*, the loader of the kernels and src/node.ts.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli/|io/node|kernels/wasm/loader|node\\.ts$)' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-node-in-the-index',
      comment: 'What browsers import must not lead to a module that is for Node alone; the loader of the kernels asks where it runs first.',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/(cli/|io/node|node\\.ts$)', reachable: true },
    },
    {
      name: 'src-stands-alone',
      comment: 'What is published imports nothing from tests, benchmarks, examples or scripts.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|examples|scripts|lab)/' },
    },
    {
      name: 'the-lab-is-a-page',
      comment: 'The lab shows experiments and what lies below them; it is not part of the command, and knows no Node. The decoder of PNG knows none either.',
      severity: 'error',
      from: { path: '^lab/' },
      to: { path: '^(test|bench|examples|scripts)/|^src/(cli/|io/node|node\\.ts$)', pathNot: '^src/cli/png\\.ts$' },
    },
    {
      name: 'the-library-works-in-workers',
      comment:
        'What the page itself loads has no tensors: these come with lab/worker/main.ts, lab/training and the drawing without a page, so that the page stays small and never waits.',
      severity: 'error',
      from: { path: '^lab/', pathNot: '^lab/(worker/main\\.ts|draw(\\.ts|/)|training/)' },
      to: {
        path: '^lab/(worker/main\\.ts|draw(\\.ts|/)|training/)|^src/',
        pathNot: '^src/(core/(errors|shape)|ops/norm/axes|experiments/(advise|settings|norms|spread|axes/share|gradient-flow/ratio|report/[a-z]+))\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-packages-in-the-library',
      comment: 'The library has no dependency at run time; the command may have some.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'command-imports-published-packages',
      comment: 'A devDependency is not there where the package is installed, except what the build bundles into cli/png.js.',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '^src/cli/png\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere. The libraries that the benchmark compares with are installed by the benchmark itself.',
      severity: 'error',
      from: { pathNot: '^bench/peers\\.ts$' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|src/kernels/wasm/assembly)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
}
