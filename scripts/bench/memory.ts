/*
 * `npm run bench:memory`: a training step that keeps the results of blocks and one that computes them again, in
 * alternation in one run, with the peak of memory that the graph predicts. Losses must be equal to the last bit.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { engineNames } from '../../src/config/engines.ts';
import { peakProcessBytes, traceCost } from '../../src/engine/cost.ts';
import { alignTable } from '../../src/report/table.ts';
import { stepPrograms, stepSettings } from '../../src/training/stepper.ts';
import { workerFlags } from '../../src/util/garbage.ts';
import { type BenchCase, cases } from './cases.ts';
import { gibibytes } from './gibibytes.ts';
import { median } from './median.ts';
import { type Peer, type Steps, startPeer } from './peer.ts';
import { networkOf, writeTask } from './task.ts';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'cpu' },
    only: { type: 'string', default: '' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
  },
});
const threads = Number(values.threads);
const engine = engineNames.find((name) => name === values.engine);
if (!engine) throw new RangeError(`--engine ${values.engine}: one of ${engineNames.join(', ')}`);
const ours = fileURLToPath(new URL('peers/ours.js', import.meta.url));

const table = [['step', 'blocks', 'time', 'ratio', 'memory', 'ratio', 'predicted', 'off by']];
for (const bench of cases.filter(({ name }) => name.includes(values.only))) table.push(...(await measure(bench)));
console.log(alignTable(table));

async function measure(bench: BenchCase): Promise<string[][]> {
  const folder = await mkdtemp(join(tmpdir(), 'incubate bench '));
  const peers: Peer[] = [];
  try {
    const variants = [false, true].map((recompute) => withRecomputation(bench, recompute));
    for (const [index, variant] of variants.entries()) {
      const path = join(folder, `task ${index}.json`);
      await writeFile(path, JSON.stringify({ ...(await writeTask(variant, folder)), threads, engine }));
      peers.push(await startPeer(process.execPath, [...workerFlags, ours, path], threads));
    }
    const rounds: Steps[][] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const steps = [];
      for (const peer of peers) steps.push(await peer.run(1));
      if (new Set(steps.map(({ losses }) => losses[0])).size !== 1) throw new Error(`${bench.name}: losses differ`);
      rounds.push(steps);
    }
    const seconds = (index: number) => rounds.map((round) => (round[index] as Steps).seconds[0] as number);
    const last = rounds.at(-1) as Steps[];
    const peak = (index: number) => (last[index] as Steps).peakBytes;
    const ratio = median(seconds(1).map((time, round) => time / (seconds(0)[round] as number)));
    return variants.map((variant, index) => {
      const predicted = predictedBytes(variant);
      return [
        bench.name,
        index === 0 ? 'kept' : 'again',
        `${median(seconds(index)).toFixed(3)} s`,
        index === 0 ? '' : ratio.toFixed(2),
        gibibytes(peak(index)),
        index === 0 ? '' : (peak(1) / peak(0)).toFixed(2),
        gibibytes(predicted),
        `${((predicted / peak(index) - 1) * 100).toFixed(0)} %`,
      ];
    });
  } finally {
    await Promise.all(peers.map((peer) => peer.end()));
    await rm(folder, { recursive: true });
  }
}

function withRecomputation(bench: BenchCase, recompute: boolean): BenchCase {
  return { ...bench, config: { ...bench.config, training: { ...bench.config.training, recompute } } };
}

function predictedBytes({ config, classes, name }: BenchCase): number {
  const network = networkOf({ config, classes });
  const settings = stepSettings({ name, network, phase: config.phases.finetune, config });
  return Math.max(...stepPrograms(settings).map(({ program }) => peakProcessBytes(traceCost(program))));
}
