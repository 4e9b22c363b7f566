/*
 * What `npm run bench:data` measures of us, in a process of its own: passes over images, on one thread, as the threads of a
 * job do it. It takes the path of its task and speaks as the other peers do; seconds are the processor's.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseRandAugment } from '../../../src/config/rand-augment.ts';
import { decodeFor, doWork } from '../../../src/data/decoding/do-work.ts';
import type { Work, WorkItem } from '../../../src/data/decoding/work.ts';
import type { Augmentation } from '../../../src/data/transforms/augmentation.ts';
import { augmentScaled } from '../../../src/data/transforms/train-image.ts';
import type { DataTask } from '../data-task.ts';

const task = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as DataTask;
const { files, size } = task;
const bytes = size * size * 3;
const target = new Uint8Array(bytes);
const augment: Augmentation = {
  padding: task.transform === 'pad' || task.transform === 'memory' ? 4 : 0,
  flip: 0.5,
  interpolation: 'bicubic',
  normalisation: { mean: task.mean, std: task.std },
  ...(task.transform === 'crop' || task.transform === 'deit'
    ? { crop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } }
    : {}),
  ...(task.transform === 'deit'
    ? {
        operations: parseRandAugment('rand-m9-mstd0.5-inc1'),
        erasing: { probability: 0.25, area: [0.02, 1 / 3], ratio: [0.3, 1 / 0.3] },
      }
    : {}),
};
const whole: Work = { kind: 'scale', size, channels: 3, resize: 'crop' };
const work: Work = augment.crop ? { kind: 'crop', size, channels: 3, augment } : whole;
const itemOf = (path: string, index: number): WorkItem => ({
  work,
  image: { kind: 'file', path },
  name: path,
  key: { seed: 0, stream: 'bench', epoch: passes, index },
});
let passes = 0;
const slot = { size, channels: 3, target, offset: 0 };

/** Pixels of all images, where they lie in memory. */
const kept = new Uint8Array(task.transform === 'memory' ? files.length * bytes : 0);
if (task.transform === 'memory') {
  for (const [index, path] of files.entries()) await doWork(itemOf(path, index), kept, index * bytes);
}

async function pass(): Promise<void> {
  passes += 1;
  for (const [index, path] of files.entries()) {
    const item = itemOf(path, index);
    const key = item.key as NonNullable<WorkItem['key']>;
    if (task.transform === 'memory') {
      augmentScaled(kept.subarray(index * bytes, (index + 1) * bytes), augment, key, slot);
      continue;
    }
    const doing = doWork(item, target, 0);
    if (doing) await doing;
    if (task.transform === 'pad') augmentScaled(target.slice(), augment, key, slot);
  }
}

/** Mean of the bytes of some whole images, by which both sides can tell that they read the same. */
async function check(): Promise<number> {
  const centre: Work = { kind: 'centre', size, channels: 3, share: 1 };
  let sum = 0;
  for (const path of files.slice(0, 20)) {
    const { pixels } = await decodeFor({ work: centre, image: { kind: 'file', path }, name: path });
    sum += pixels.data.reduce((total, byte) => total + byte, 0) / pixels.data.length;
  }
  return sum;
}

console.log(JSON.stringify({ ready: true, compileSeconds: 0 }));
for await (const line of createInterface({ input: process.stdin })) {
  const seconds: number[] = [];
  for (let round = 0; round < Number(line); round++) {
    const before = process.cpuUsage();
    await pass();
    const { user, system } = process.cpuUsage(before);
    seconds.push((user + system) / 1e6);
  }
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ losses: [await check()], seconds, peakBytes }));
}
