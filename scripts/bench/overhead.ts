/*
 * `npm run bench:overhead`: how much longer a run takes than the work of the jobs on its longest chain; by default of the
 * embedded recipe, which it trains; of a run that is there with `--run DIRECTORY`. What stands behind `--` more is given to
 * `incubate train`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { readJournal } from '../../src/coordinator/journal.ts';
import { loadRunRecord } from '../../src/coordinator/run-directory.ts';
import { alignTable } from '../../src/report/table.ts';
import { type ChainLink, criticalChain } from './critical-chain.ts';

const { values, positionals } = parseArgs({
  options: { run: { type: 'string' }, json: { type: 'boolean' } },
  allowPositionals: true,
});

const { chain, wall } =
  values.run === undefined ? await train() : { chain: await chainOf(values.run), wall: undefined };
const seconds = wall ?? chain.seconds;
const sum = (part: Exclude<keyof ChainLink, 'job'>) => chain.links.reduce((total, link) => total + link[part], 0);
const work = sum('work');
const overhead = {
  seconds,
  work,
  /** Of the wall time. */
  share: 1 - work / seconds,
  command: seconds - chain.seconds,
  waits: sum('wait') + chain.rest,
  starts: sum('start'),
  ends: sum('end'),
};
if (values.json) console.log(JSON.stringify({ ...chain, overhead }, null, 2));
else console.log(text());

async function train() {
  const folder = await mkdtemp(join(tmpdir(), 'incubate overhead '));
  try {
    const launcher = fileURLToPath(new URL('../../../bin/incubate.js', import.meta.url));
    const started = performance.now();
    await execa(process.execPath, [launcher, 'train', '--run', 'overhead', '--runs-dir', folder, ...positionals], {
      stdin: 'ignore',
      stderr: 'inherit',
    });
    const wall = (performance.now() - started) / 1000;
    return { chain: await chainOf(join(folder, 'overhead')), wall };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function chainOf(runDirectory: string) {
  const { plan } = await loadRunRecord(runDirectory);
  return criticalChain(readJournal(runDirectory).events, plan);
}

function text(): string {
  const figure = (value: number) => `${value.toFixed(2)} s`;
  const rows = chain.links.map(({ job, wait, start, work: own, end }) => [job, ...[wait, start, own, end].map(figure)]);
  const table = alignTable([['job', 'wait', 'start', 'own work', 'end'], ...rows]);
  const sums = [
    `wall time  ${figure(seconds)}`,
    `own work   ${figure(work)}`,
    `overhead   ${(100 * overhead.share).toFixed(1)} %: ${figure(overhead.starts)} starts of workers, ${figure(overhead.ends)} their ends, ${figure(overhead.waits)} between them, ${figure(overhead.command)} before and after the session`,
  ];
  return `${table}\n\n${sums.join('\n')}`;
}
