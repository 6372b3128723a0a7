import { readFileSync, writeFileSync } from 'node:fs';

// Makes docs/performance.svg of bench/results/full.json: `npm run bench:chart`. One bar per target: CPU time of a small call.

interface Results {
  readonly date: string;
  readonly results: Readonly<Record<string, readonly Readonly<Record<string, string | number>>[]>>;
}

const { date, results } = JSON.parse(readFileSync('bench/results/full.json', 'utf8')) as Results;
const bars = (results['small calls, 32 connections'] ?? []).map((row) => ({
  name: String(row.target),
  cpu: Number(row['CPU per call (µs)']),
  ratio: Number(row['CPU ratio to limit']),
}));

const left = 130;
const width = 720;
const rowHeight = 34;
const top = 58;
const height = top + bars.length * rowHeight + 12;
const longest = Math.max(...bars.map(({ cpu }) => cpu));
const scale = (width - left - 150) / longest;

const rows = bars.map(({ name, cpu, ratio }, index) => {
  const y = top + index * rowHeight;
  const length = Math.max(2, cpu * scale);
  return `  <text x="${left - 10}" y="${y + 16}" text-anchor="end">${name}</text>
  <rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="22" rx="3" class="${name}"/>
  <text x="${(left + length + 8).toFixed(1)}" y="${y + 16}">${Math.round(cpu)} µs · ${ratio.toFixed(2)} ×</text>`;
});

writeFileSync(
  'docs/performance.svg',
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="CPU time per small call">
  <style>
    text { font: 14px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600; font-size: 16px }
    .note { fill: #6e7781; font-size: 12px }
    rect { fill: #afb8c1 }
    .gateway { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .note { fill: #8b949e } rect { fill: #484f58 } .gateway { fill: #4493f8 }
    }
  </style>
  <text x="0" y="18" class="title">CPU time of the server's process per small call</text>
  <text x="0" y="38" class="note">32 connections, medians of interleaved rounds, ${date.slice(0, 10)}; × is the ratio to limit, the least code on Node that does the job</text>
${rows.join('\n')}
</svg>
`,
);
