/*
 * `npm run bench:levers`: what each of the CPU engine's settings gives: a training step with it beside one without, in
 * alternation in one run.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Tuning } from '../../src/engine/onnx-tuning.ts';
import { alignTable } from '../../src/report/table.ts';
import { type BenchCase, cases } from './cases.ts';
import { gibibytes } from './gibibytes.ts';
import { median } from './median.ts';
import { type Peer, type Steps, startPeer } from './peer.ts';
import { writeTask } from './task.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'deit-t depth 12' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '7' },
  },
});

/** Settings other than the engine's own, by what they leave out or bring in. */
const levers: Readonly<Record<string, Partial<Tuning>>> = {
  'denormals computed': { flushDenormals: false },
  'threads sleep at once': { spinMicroseconds: 0 },
  'threads spin for 1 ms': { spinMicroseconds: 1000 },
  'memory laid out once': { memoryPattern: true },
  'no arena': { arena: false },
  'transposes of their own': { fuseTransposes: false },
  'images not in blocks': { blockChannels: false },
  'state written anew': { writeInPlace: false },
  'basic optimisation': { fullOptimisationNodes: 0 },
};

const rows: string[][] = [];
for (const bench of cases.filter(({ name }) => name.includes(values.only))) {
  for (const [lever, tuning] of Object.entries(levers)) rows.push(await measure(bench, lever, tuning));
}
const heads = ['step', 'instead', 'ours', 'so', 'ratio', 'memory', 'so', 'ratio', 'compile', 'so'];
console.log(alignTable([heads, ...rows]));

async function measure(bench: BenchCase, lever: string, tuning: Partial<Tuning>): Promise<string[]> {
  const threads = Number(values.threads);
  const folder = await mkdtemp(join(tmpdir(), 'incubate bench '));
  const ours = fileURLToPath(new URL('peers/ours.js', import.meta.url));
  const peers: Peer[] = [];
  try {
    const task = { ...(await writeTask(bench, folder)), threads };
    for (const [index, variant] of [{}, tuning].entries()) {
      const path = join(folder, `task ${index}.json`);
      await writeFile(path, JSON.stringify({ ...task, tuning: variant }));
      peers.push(await startPeer(process.execPath, [ours, path], threads));
    }
    for (const peer of peers) await peer.run(1);
    const rounds: Steps[][] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const steps = [];
      for (const peer of peers) steps.push(await peer.run(bench.steps));
      rounds.push(steps);
    }
    const of = <T>(side: number, figure: (steps: Steps) => T) => rounds.map((round) => figure(round[side] as Steps));
    const [own, other] = [0, 1].map((side) => of(side, ({ seconds }) => median(seconds))) as [number[], number[]];
    const [peak, otherPeak] = [0, 1].map((side) => Math.max(...of(side, ({ peakBytes }) => peakBytes))) as [
      number,
      number,
    ];
    return [
      bench.name,
      lever,
      `${median(own).toFixed(3)} s`,
      `${median(other).toFixed(3)} s`,
      median(other.map((seconds, round) => seconds / (own[round] as number))).toFixed(2),
      gibibytes(peak),
      gibibytes(otherPeak),
      (otherPeak / peak).toFixed(2),
      ...peers.map(({ compileSeconds }) => `${compileSeconds.toFixed(2)} s`),
    ];
  } finally {
    await Promise.all(peers.map((peer) => peer.end()));
    await rm(folder, { recursive: true });
  }
}
