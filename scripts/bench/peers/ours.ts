import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { readSafetensors } from '../../../src/checkpoint/safetensors.ts';
import type { SampleBatch } from '../../../src/data/dataset.ts';
import { openEngine } from '../../../src/engine/engines.ts';
import { tuned } from '../../../src/engine/onnx-tuning.ts';
import type { Engine, EngineState } from '../../../src/engine/program.ts';
import { loadAddon } from '../../../src/engine/torch/addon.ts';
import { createTorchEngine } from '../../../src/engine/torch/torch-engine.ts';
import { layoutsOf } from '../../../src/training/network-layouts.ts';
import { createStepper } from '../../../src/training/stepper.ts';
import { initialState } from '../../../src/training/training-state.ts';
import { collectGarbage } from '../../../src/util/garbage.ts';
import type { HostTensors } from '../../../src/util/tensor.ts';
import { type BenchTask, networkOf } from '../task.ts';

const task = JSON.parse(await readFile(process.argv[2] as string, 'utf8')) as BenchTask;
const { config } = task;
const engine = await engineOf(task);
const network = networkOf(task);
const started = performance.now();
const stepper = await createStepper(engine, { name: 'bench', network, phase: config.phases.finetune, config });
const compileSeconds = (performance.now() - started) / 1000;
const batch = batchOf((await readSafetensors(task.batch)).tensors);
const state = await openState();
collectGarbage();

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
  answer({ losses, seconds, peakBytes: await peakBytes() });
}

async function openState(): Promise<EngineState> {
  const { tensors } = await readSafetensors(task.weights);
  return engine.createState(initialState(layoutsOf(network), tensors, config.training));
}

function batchOf({ images, labels, tokens }: HostTensors): SampleBatch {
  if (tokens?.dtype === 'int32') {
    const [size = 0, length = 0] = tokens.shape;
    return { tokens: tokens.data, lengths: new Int32Array(size).fill(length - 1) };
  }
  if (images?.dtype !== 'uint8' || labels?.dtype !== 'int32') throw new TypeError('the batch has other types');
  return { images: images.data, labels: labels.data, weights: new Float32Array(labels.data.length).fill(1) };
}

/** What the other engines need is not loaded, as in a job. */
async function engineOf({ engine, threads, tuning, device, cudaGraphs = 'auto' }: BenchTask): Promise<Engine> {
  if (engine === undefined || engine === 'cpu') {
    const { createOnnxEngine } = await import('../../../src/engine/onnx-engine.ts');
    return createOnnxEngine({ threads, tuning: { ...tuned, ...tuning } });
  }
  const onWarning = (message: string) => console.error(message);
  if (engine === 'torch' && device) return createTorchEngine({ threads, device, cudaGraphs, onWarning });
  return openEngine({ engine, threads });
}

/** Most memory of tensors on the GPU so far, or largest resident set of this process. */
async function peakBytes(): Promise<number> {
  if (task.device === 'cuda') return (await loadAddon()).addon.peakBytes();
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}
