// npm run findings: makes the experiments in a stated configuration and writes docs/findings.md from their results.
// Finished runs are kept in runs/findings and not made again; delete that folder to measure anew.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { orExit, root, setUp } from './setup.mjs'

/** What is run, beside the defaults, each with three seeds or more; in all about half an hour on one core. */
const configuration = [
  ['axes'],
  ['batch-size'],
  // So many that six layers learn without a norm, too.
  ['learning-rate', '--steps', '400'],
  ['gradient-flow'],
  ['train-eval-gap'],
  ['sequence-length', '--cell', 'rnn,lstm'],
  ['long-sequences'],
  ['vision-transformer', '--steps', '300'],
]

await orExit(setUp)
const sections = []
for (const [name, ...settings] of configuration) {
  const out = join(root, 'runs/findings', name)
  const { status } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), 'experiment', name, ...settings, '--out', out], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
  sections.push(section(['evenkeel experiment', name, ...settings].join(' '), JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))))
}
writeFileSync(
  join(root, 'docs/findings.md'),
  `# What holds of what is said about norms

Written by \`npm run findings\` from the runs themselves: small networks on small images of digits, or on a novel, trained for a short time. A claim
that does not hold here may hold elsewhere, and the other way round. Figures are means and standard deviations over seeds, unless they say otherwise.

- **holds**: in every case that was compared. Shares of right answers and losses differ where they do so by more than two standard errors.
- **depends**: in some of them.
- **does not hold**: in none; this says that these runs do not show it, not that the opposite is true.

| claim | here |
|---|---|
${sections.flatMap(({ rows }) => rows).join('\n')}

${sections.map(({ text }) => text).join('\n\n')}
`,
)

function section(command, { experiment, findings, settings, version, runs }) {
  const claims = findings.filter(({ verdict }) => verdict !== null)
  const bullets = findings.map(({ claim, verdict, text }) => `- ${verdict ? `${claim} **${verdict[0].toUpperCase()}${verdict.slice(1)}.** ` : ''}${text}`)
  const values = Object.entries(settings).map(([key, value]) => `${key} ${Array.isArray(value) ? value.map(String).join(', ') : value}`)
  return {
    rows: claims.map(({ claim, verdict }) => `| ${claim} | ${verdict} |`),
    text: `## ${experiment}\n\n\`${command}\` (evenkeel ${version}, ${runs.length} runs): ${values.join('; ')}.\n\n${bullets.join('\n')}`,
  }
}
