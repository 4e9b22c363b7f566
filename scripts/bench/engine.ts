/*
 * `npm run bench:engine`: a training step by an engine of ours, `cpu` unless named, and by PyTorch, in alternation in one
 * run. The losses of the first steps are compared before anything is timed.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { engineNames } from '../../src/config/engines.ts';
import { alignTable } from '../../src/report/table.ts';
import { workerFlags } from '../../src/util/garbage.ts';
import { type BenchCase, cases } from './cases.ts';
import { gibibytes } from './gibibytes.ts';
import { median } from './median.ts';
import { type Peer, startPeer } from './peer.ts';
import { writeTask } from './task.ts';

const USAGE = `npm run bench:engine -- [--engine cpu|torch] [--json] [--only TEXT] [--threads 1,2] [--rounds N] [--python PATH]`;

/** Steps whose losses must agree, which also warm both sides up, and how far they may differ. */
const COMPARED_STEPS = 3;
const LOSS_TOLERANCE = 1e-3;

interface Row {
  readonly name: string;
  readonly threads: number;
  /** Medians. */
  readonly seconds: number;
  readonly peerSeconds: number;
  /** Median over rounds of our time by theirs. */
  readonly timeRatio: number;
  readonly peakBytes: number;
  readonly peerPeakBytes: number;
  readonly memoryRatio: number;
  readonly compileSeconds: number;
}

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'cpu' },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string', default: '/usr/bin/python3' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}

const engine = engineNames.find((name) => name === values.engine);
if (!engine) throw new RangeError(`--engine ${values.engine}: one of ${engineNames.join(', ')}`);

const rows: Row[] = [];
for (const bench of cases.filter(({ name }) => name.includes(values.only))) {
  for (const threads of values.threads.split(',').map(Number)) {
    rows.push(await measure(bench, threads));
    if (!values.json) console.error(rowText(rows.at(-1) as Row).join('  '));
  }
}
if (values.json) console.log(JSON.stringify({ rows }, null, 2));
else {
  const heads = ['step', 'threads', 'ours', 'PyTorch', 'ratio', 'memory', 'PyTorch', 'ratio', 'compile'];
  console.log(alignTable([heads, ...rows.map(rowText)]));
}

async function measure(bench: BenchCase, threads: number): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'incubate bench '));
  const peers: Peer[] = [];
  try {
    const taskPath = join(folder, 'task.json');
    await writeFile(taskPath, JSON.stringify({ ...(await writeTask(bench, folder)), threads, engine }));
    const program = (name: string) => fileURLToPath(new URL(`peers/${name}`, import.meta.url));
    const script = fileURLToPath(new URL(`../../../scripts/bench/peers/${bench.peer}.py`, import.meta.url));
    const ours = await startPeer(process.execPath, [...workerFlags, program('ours.js'), taskPath], threads);
    peers.push(ours);
    const theirs = await startPeer(values.python, [script, taskPath], threads);
    peers.push(theirs);
    compareLosses(bench.name, (await ours.run(COMPARED_STEPS)).losses, (await theirs.run(COMPARED_STEPS)).losses);

    const rounds = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      rounds.push({ own: await ours.run(bench.steps), peer: await theirs.run(bench.steps) });
    }
    const last = rounds.at(-1);
    if (!last) throw new RangeError('at least one round');
    const [peakBytes, peerPeakBytes] = [last.own.peakBytes, last.peer.peakBytes];
    return {
      name: bench.name,
      threads,
      seconds: median(rounds.flatMap(({ own }) => own.seconds)),
      peerSeconds: median(rounds.flatMap(({ peer }) => peer.seconds)),
      timeRatio: median(rounds.map(({ own, peer }) => median(own.seconds) / median(peer.seconds))),
      peakBytes,
      peerPeakBytes,
      memoryRatio: peakBytes / peerPeakBytes,
      compileSeconds: ours.compileSeconds,
    };
  } finally {
    await Promise.all(peers.map((peer) => peer.end()));
    await rm(folder, { recursive: true });
  }
}

function compareLosses(name: string, ours: readonly number[], theirs: readonly number[]): void {
  for (const [step, loss] of theirs.entries()) {
    const own = ours[step] ?? Number.NaN;
    if (Math.abs(own / loss - 1) <= LOSS_TOLERANCE) continue;
    throw new Error(`${name}: the loss at step ${step} is ${own} here and ${loss} in PyTorch`);
  }
}

function rowText(row: Row): string[] {
  return [
    row.name,
    String(row.threads),
    `${row.seconds.toFixed(3)} s`,
    `${row.peerSeconds.toFixed(3)} s`,
    row.timeRatio.toFixed(2),
    gibibytes(row.peakBytes),
    gibibytes(row.peerPeakBytes),
    row.memoryRatio.toFixed(2),
    `${row.compileSeconds.toFixed(2)} s`,
  ];
}
