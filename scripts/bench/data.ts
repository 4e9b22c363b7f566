/*
 * `npm run bench:data`: images per second of one core, ours and torchvision's with PIL, in alternation in one run, of the same
 * files by the same transforms. That both read the same pixels is compared before anything is timed.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { alignTable } from '../../src/report/table.ts';
import { randomStream } from '../../src/util/random.ts';
import type { DataTask } from './data-task.ts';
import { median } from './median.ts';
import { type Peer, startPeer } from './peer.ts';

const USAGE = `npm run bench:data -- [--images DIR] [--json] [--only TEXT] [--rounds N] [--python PATH]

--images DIR   a folder of 32×32 JPEG files, as of CIFAR-10, at any depth; otherwise such files are made`;

/** Files of a pass. */
const SMALL_FILES = 2000;
const LARGE_FILES = 60;

interface Case {
  readonly name: string;
  readonly images: 'small' | 'large';
  readonly size: number;
  readonly transform: DataTask['transform'];
  /** Passes of a round. */
  readonly passes: number;
}

const cases: readonly Case[] = [
  { name: '32 px JPEG: padded crop, flip', images: 'small', size: 32, transform: 'pad', passes: 1 },
  { name: '32 px in memory: padded crop, flip', images: 'small', size: 32, transform: 'memory', passes: 3 },
  { name: '500×375 JPEG → 224: resized crop, flip', images: 'large', size: 224, transform: 'crop', passes: 2 },
  { name: '500×375 JPEG → 224: DeiT', images: 'large', size: 224, transform: 'deit', passes: 2 },
];

interface Row {
  readonly name: string;
  /** Images per second of processor time, medians. */
  readonly rate: number;
  readonly peerRate: number;
  /** Median over rounds of our rate by theirs. */
  readonly ratio: number;
}

const { values } = parseArgs({
  options: {
    images: { type: 'string' },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string', default: '/usr/bin/python3' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}

const folder = await mkdtemp(join(tmpdir(), 'incubate bench '));
const rows: Row[] = [];
try {
  const files = { small: await smallFiles(), large: await makeFiles('large', LARGE_FILES, 500, 375, 90) };
  for (const each of cases.filter(({ name }) => name.includes(values.only))) {
    rows.push(await measure(each, files[each.images]));
    if (!values.json) console.error(rowText(rows.at(-1) as Row).join('  '));
  }
} finally {
  await rm(folder, { recursive: true });
}
if (values.json) console.log(JSON.stringify({ rows }, null, 2));
else console.log(alignTable([['images per second and core', 'ours', 'torchvision', 'ratio'], ...rows.map(rowText)]));

async function measure({ name, size, transform, passes }: Case, files: readonly string[]): Promise<Row> {
  const taskPath = join(folder, 'task.json');
  const task: DataTask = { files, size, transform, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  await writeFile(taskPath, JSON.stringify(task));
  const peers: Peer[] = [];
  try {
    const own = fileURLToPath(new URL('peers/data.js', import.meta.url));
    const script = fileURLToPath(new URL('../../../scripts/bench/peers/data.py', import.meta.url));
    const ours = await startPeer(process.execPath, [own, taskPath], 1);
    peers.push(ours);
    const theirs = await startPeer(values.python, [script, taskPath], 1);
    peers.push(theirs);
    // Also warms both sides up.
    compareChecks(name, (await ours.run(2)).losses, (await theirs.run(1)).losses);
    const rounds = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const [mine, peer] = [await ours.run(passes), await theirs.run(passes)];
      rounds.push({ rate: files.length / median(mine.seconds), peerRate: files.length / median(peer.seconds) });
    }
    return {
      name,
      rate: median(rounds.map(({ rate }) => rate)),
      peerRate: median(rounds.map(({ peerRate }) => peerRate)),
      ratio: median(rounds.map(({ rate, peerRate }) => rate / peerRate)),
    };
  } finally {
    await Promise.all(peers.map((peer) => peer.end()));
  }
}

function compareChecks(name: string, [ours]: readonly number[], [theirs]: readonly number[]): void {
  if (ours !== undefined && theirs !== undefined && Math.abs(ours - theirs) < 1e-6 * ours) return;
  throw new Error(`${name}: the images add up to ${ours} here and to ${theirs} in PIL`);
}

async function smallFiles(): Promise<string[]> {
  if (values.images === undefined) return makeFiles('small', SMALL_FILES, 32, 32, 95);
  const root = values.images;
  const entries = await readdir(root, { recursive: true });
  const found = entries.filter((entry) => /\.jpe?g$/i.test(entry)).sort();
  // From all over the folder, and no more than are needed.
  const step = Math.max(1, Math.floor(found.length / SMALL_FILES));
  return found
    .filter((_, index) => index % step === 0)
    .slice(0, SMALL_FILES)
    .map((entry) => join(root, entry));
}

/** JPEG files with shapes, shades and noise, about as large as photographs are. */
async function makeFiles(
  name: string,
  count: number,
  width: number,
  height: number,
  quality: number,
): Promise<string[]> {
  const directory = join(folder, name);
  await mkdir(directory);
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const random = randomStream(0, `bench/${name}`, index);
      const [a = 0, b = 0, c = 0, d = 0] = Array.from({ length: 4 }, () => random.uniform());
      const pixels = Uint8Array.from({ length: width * height * 3 }, (_, place) => {
        const [x, y] = [(Math.floor(place / 3) % width) / width, Math.floor(place / 3 / width) / height];
        const wave = Math.sin(9 * x * (1 + a) + (place % 3) * b) * Math.cos(7 * y * (1 + c));
        const edge = x * (0.5 + d) > y ? 30 : -30;
        return Math.max(0, Math.min(255, 128 + 60 * wave + edge + 8 * random.normal()));
      });
      const path = join(directory, `${index}.jpg`);
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .jpeg({ quality })
        .toFile(path);
      return path;
    }),
  );
}

function rowText({ name, rate, peerRate, ratio }: Row): string[] {
  return [name, rate.toFixed(0), peerRate.toFixed(0), ratio.toFixed(2)];
}
