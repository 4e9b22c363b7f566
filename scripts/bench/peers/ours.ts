import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { readSafetensors } from '../../../src/checkpoint/safetensors.ts';
import { openEngine } from '../../../src/engine/engines.ts';
import { flatten } from '../../../src/training/layout.ts';
import { createStepper } from '../../../src/training/stepper.ts';
import { layoutsOf } from '../../../src/training/train-programs.ts';
import { float32 } from '../../../src/util/tensor.ts';
import { type BenchTask, networkOf } from '../task.ts';

const task = JSON.parse(await readFile(process.argv[2] as string, 'utf8')) as BenchTask;
const { config, classes } = task;
const engine = await openEngine({ engine: task.engine ?? 'cpu', threads: task.threads });
const network = networkOf(task);
const { trained, frozen } = layoutsOf(network);
const started = performance.now();
const stepper = await createStepper(engine, { name: 'bench', network, phase: config.phases.finetune, config }, classes);
const compileSeconds = (performance.now() - started) / 1000;
const weights = (await readSafetensors(task.weights)).tensors;
const zeros = () => float32(new Float32Array(trained.size));
const state = engine.createState({
  parameters: flatten(trained, weights),
  ...(frozen.size > 0 ? { frozen: flatten(frozen, weights) } : {}),
  m: zeros(),
  v: zeros(),
});
const { images, labels } = (await readSafetensors(task.batch)).tensors;
if (images?.dtype !== 'uint8' || labels?.dtype !== 'int32') throw new TypeError('the batch has other types');
const batch = { images: images.data, labels: labels.data, weights: new Float32Array(labels.data.length).fill(1) };

const answer = (reply: object) => process.stdout.write(`${JSON.stringify(reply)}\n`);
answer({ ready: true, compileSeconds });
let step = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const losses: number[] = [];
  const seconds: number[] = [];
  for (let count = Number(line); count > 0; count--) {
    const before = performance.now();
    losses.push(await stepper.step(state, batch, step++, task.lr));
    seconds.push((performance.now() - before) / 1000);
  }
  answer({ losses, seconds, peakBytes: peakBytes() });
}

/** Largest resident set of this process so far. */
function peakBytes(): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}
