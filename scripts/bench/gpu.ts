/*
 * `npm run bench:gpu`: training steps on one GPU by the engine torch, by PyTorch eagerly with autocast and fused AdamW, and
 * by torch.compile, in alternation in one run; then a large network whole and as modules. Losses are compared before.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { traceCost } from '../../src/engine/cost.ts';
import { loadAddon } from '../../src/engine/torch/addon.ts';
import { alignTable } from '../../src/report/table.ts';
import { stepFlops, stepPrograms, stepSettings } from '../../src/training/stepper.ts';
import { IncubateError } from '../../src/util/errors.ts';
import type { BenchCase } from './cases.ts';
import { gibibytes } from './gibibytes.ts';
import { gpuCases, smallCases } from './gpu-cases.ts';
import { median } from './median.ts';
import { type Peer, startPeer } from './peer.ts';
import { networkOf, writeTask } from './task.ts';

const USAGE = `npm run bench:gpu -- [--device cuda|cpu] [--small] [--json] [--only TEXT] [--rounds N] [--python PATH] [--cuda-graphs auto|on|off]`;

/** Other sides than ours, and whether they are compiled. */
const sides = { eager: false, compiled: true } as const;

/** Steps whose losses must agree, which also warm all sides up, and how far they may differ in 16 bits. */
const COMPARED_STEPS = 5;
const LOSS_TOLERANCE = 0.03;

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda' },
    small: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string', default: 'python3' },
    'cuda-graphs': { type: 'string', default: 'auto' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const { device } = values;
if (device !== 'cuda' && device !== 'cpu') throw new RangeError(`--device ${device}: cuda or cpu`);
const rounds = Number(values.rounds);
if (!(Number.isInteger(rounds) && rounds > 0))
  throw new RangeError(`--rounds ${values.rounds}: a whole number above 0`);

/** What a step by one side takes. */
interface Figures {
  readonly seconds: number;
  readonly peakBytes: number;
}

interface Row {
  readonly name: string;
  readonly ours: Figures;
  /** Null where a side was not measured. */
  readonly eager: Figures | null;
  readonly compiled: Figures | null;
  /** Of the rate of products of matrices, by the operations that the graph counts. */
  readonly share: number;
}

try {
  await requireDevice();
  await measureAll();
} catch (error) {
  if (!(error instanceof IncubateError)) throw error;
  console.error(`error: ${error.message}${error.hint ? `\nhint: ${error.hint}` : ''}`);
  process.exitCode = error.exitCode;
}

/** Throws ENGINE_UNAVAILABLE where the addon is not built or sees no GPU. */
async function requireDevice(): Promise<void> {
  const { addon } = await loadAddon();
  if (device === 'cpu' || addon.devices() > 0) return;
  throw new IncubateError(
    'ENGINE_UNAVAILABLE',
    'there is no GPU that the engine torch could use, so nothing is measured',
    {
      hint: 'Run it where nvidia-smi lists a GPU and PyTorch was built with CUDA, or try the measurement itself with --device cpu --small.',
    },
  );
}

async function measureAll(): Promise<void> {
  const { whole, divided, modules } = values.small ? smallCases : gpuCases;
  const chosen = (bench: BenchCase) => bench.name.includes(values.only);
  const rate = await productRate();
  const compiles = await canCompile();
  const rows: Row[] = [];
  for (const bench of [...whole, divided].filter(chosen))
    rows.push(await measure(bench, rate, compiles ? ['eager', 'compiled'] : ['eager']));
  for (const bench of modules.filter(chosen)) rows.push(await measure(bench, rate, []));
  const end = rows.find(({ name }) => name === divided.name);
  if (values.json) {
    console.log(JSON.stringify({ device, productFlops: rate, rows }, null, 2));
    return;
  }
  console.log(`products of matrices in bfloat16: ${(rate / 1e12).toFixed(2)} TFLOP/s`);
  const heads = ['step', 'ours', 'eager', 'compiled', 'by eager', 'share', 'memory', 'eager', 'compiled', 'by whole'];
  console.log(alignTable([heads, ...rows.map((row) => cells(row, end))]));
}

async function measure(bench: BenchCase, rate: number, others: readonly (keyof typeof sides)[]): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'incubate bench '));
  const peers = new Map<string, Peer>();
  try {
    const task = { ...(await writeTask(bench, folder)), threads: availableParallelism(), device };
    const write = async (name: string, settings: object) => {
      const path = join(folder, `${name}.json`);
      await writeFile(path, JSON.stringify({ ...task, ...settings }));
      return path;
    };
    const ours = fileURLToPath(new URL('peers/ours.js', import.meta.url));
    const own = await write('ours', { engine: 'torch', cudaGraphs: values['cuda-graphs'] });
    peers.set('ours', await startPeer(process.execPath, [ours, own], task.threads));
    for (const side of others) {
      const settings = { autocast: true, attention: 'fused', fusedOptimiser: true, compile: sides[side] };
      peers.set(
        side,
        await startPeer(values.python, [script(`${bench.peer}.py`), await write(side, settings)], task.threads),
      );
    }
    const first = new Map<string, readonly number[]>();
    for (const [side, peer] of peers) first.set(side, (await peer.run(COMPARED_STEPS)).losses);
    compareLosses(bench.name, first);

    const seconds = new Map<string, number[]>();
    const peaks = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      for (const [side, peer] of peers) {
        const steps = await peer.run(bench.steps);
        seconds.set(side, [...(seconds.get(side) ?? []), ...steps.seconds]);
        peaks.set(side, steps.peakBytes);
      }
    }
    const figures = (side: string): Figures | null => {
      const times = seconds.get(side);
      return times ? { seconds: median(times), peakBytes: peaks.get(side) ?? 0 } : null;
    };
    const measured = figures('ours') as Figures;
    return {
      name: bench.name,
      ours: measured,
      eager: figures('eager'),
      compiled: figures('compiled'),
      share: flopsOf(bench) / measured.seconds / rate,
    };
  } finally {
    await Promise.all([...peers.values()].map((peer) => peer.end()));
    await rm(folder, { recursive: true });
  }
}

function compareLosses(name: string, losses: ReadonlyMap<string, readonly number[]>): void {
  const ours = losses.get('ours') ?? [];
  for (const [side, theirs] of losses) {
    for (const [step, loss] of theirs.entries()) {
      const own = ours[step] ?? Number.NaN;
      if (Math.abs(own / loss - 1) <= LOSS_TOLERANCE) continue;
      throw new Error(`${name}: the loss at step ${step} is ${own} here and ${loss} in PyTorch, ${side}`);
    }
  }
}

function flopsOf({ config, classes, name, module }: BenchCase): number {
  const network = networkOf({ config, classes, ...(module === undefined ? {} : { module }) });
  const settings = stepSettings({ name, network, phase: config.phases.finetune, config });
  const costs = stepPrograms(settings).map(({ program }) => traceCost(program));
  return stepFlops(settings, costs);
}

/** Operations a second of the product of two large matrices of bfloat16, by PyTorch. */
async function productRate(): Promise<number> {
  const size = values.small ? 512 : 8192;
  const { stdout } = await execa(values.python, [script('rate.py'), device, String(size)]);
  return Number(stdout);
}

/** Before 2.0 there is no torch.compile, and where it is it needs a compiler. */
async function canCompile(): Promise<boolean> {
  const program = 'import sys, torch; torch.compile(lambda x: x * 2 + 1)(torch.ones(8, device=sys.argv[1]))';
  return (await execa(values.python, ['-c', program, device], { reject: false })).exitCode === 0;
}

function script(name: string): string {
  return fileURLToPath(new URL(`../../../scripts/bench/peers/${name}`, import.meta.url));
}

function cells({ name, ours, eager, compiled, share }: Row, end: Row | undefined): string[] {
  const time = (figures: Figures | null) => (figures ? `${(figures.seconds * 1000).toFixed(1)} ms` : '–');
  const memory = (figures: Figures | null) => (figures ? gibibytes(figures.peakBytes) : '–');
  return [
    name,
    ...[ours, eager, compiled].map(time),
    eager ? (ours.seconds / eager.seconds).toFixed(2) : '–',
    `${(share * 100).toFixed(1)} %`,
    ...[ours, eager, compiled].map(memory),
    end ? (ours.peakBytes / end.ours.peakBytes).toFixed(2) : '–',
  ];
}
