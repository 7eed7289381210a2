/** The report's style sheet. Light and dark follow the reader's system; the series' colours keep 4.5 : 1 to their background in both. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1b1f24; --quiet: #57606a; --rule: #d8dee4; --panel: #f6f8fa;
  --series-0: #0550ae; --series-1: #b83900; --series-2: #57606a; --series-3: #1a7f37; --series-4: #8250df; --series-5: #9a6700;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --ink: #e6edf3; --quiet: #9aa4af; --rule: #30363d; --panel: #161b22;
    --series-0: #79b8ff; --series-1: #ff9b6a; --series-2: #a8b1bb; --series-3: #56d364; --series-4: #d2a8ff; --series-5: #e3b341;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: clamp(1.5rem, 5vw, 2.1rem); line-height: 1.2; margin: 0 0 .5rem; text-wrap: balance; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .35rem; }
p { margin: 0 0 .75rem; max-width: 46rem; }
.lead, figcaption p, .note { color: var(--quiet); }
section, figure { margin: 2.75rem 0 0; }
.findings { margin: 0; padding: 0 0 0 1.2rem; max-width: 50rem; }
.findings li { margin: 0 0 .5rem; }
.notice { border-left: 4px solid var(--series-1); padding: .5rem .9rem; background: var(--panel); }
.scroll { overflow-x: auto; border: 1px solid var(--rule); border-radius: 8px; }
.scroll:focus-visible { outline: 2px solid var(--series-0); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .6rem .75rem; color: var(--quiet); caption-side: top; }
th, td { padding: .4rem .75rem; text-align: left; white-space: nowrap; border-top: 1px solid var(--rule); font-weight: 400; }
thead th { font-weight: 600; white-space: normal; vertical-align: bottom; background: var(--panel); }
.number { text-align: right; }
strong { font-weight: 700; }
figure { padding: 0; margin-left: 0; margin-right: 0; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.4rem; margin: 0 0 .75rem; padding: 0; }
.legend li { display: flex; align-items: center; gap: .45rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, max(17.5rem, 100% / var(--columns) - 1rem)), 1fr)); gap: 1rem; }
.chart { display: block; width: 100%; max-width: 36rem; background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; }
.chart text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--quiet); }
.chart .title { font-weight: 600; font-size: 13px; fill: var(--ink); }
.chart .note { fill: var(--series); font-weight: 600; stroke: var(--panel); stroke-width: 3px; paint-order: stroke; }
.grid { stroke: var(--rule); stroke-width: 1; }
.axis { stroke: var(--quiet); stroke-width: 1; }
.series .line { fill: none; stroke: var(--series); stroke-width: 2; stroke-linejoin: round; stroke-linecap: butt; }
.series .spread { stroke: var(--series); stroke-width: 2; }
.series .marker { fill: var(--series); stroke: var(--panel); stroke-width: 1; }
.series .marker.hollow { fill: var(--panel); stroke: var(--series); stroke-width: 2; }
.look-0 { --series: var(--series-0); } .look-1 { --series: var(--series-1); } .look-2 { --series: var(--series-2); }
.look-3 { --series: var(--series-3); } .look-4 { --series: var(--series-4); } .look-5 { --series: var(--series-5); }
details { margin: .75rem 0 0; }
summary { cursor: pointer; padding: .35rem 0; color: var(--quiet); }
summary:focus-visible { outline: 2px solid var(--series-0); outline-offset: 2px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 0; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
@media (max-width: 30rem) { .chart text { font-size: 14px; } .chart .title { font-size: 15px; } dl { grid-template-columns: 1fr; } dd { margin: 0 0 .5rem; } }
@media print { .chart, .panels, tr { break-inside: avoid; } details { display: none; } }
`
