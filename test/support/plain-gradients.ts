import { expect } from 'vitest';
import { createEagerEngine } from '../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../src/engine/onnx-engine.ts';
import type { Engine } from '../../src/engine/program.ts';
import { taskOf } from '../../src/tasks/task.ts';
import { unflatten } from '../../src/training/layout.ts';
import { parameterState } from '../../src/training/network-layouts.ts';
import { stepSettings } from '../../src/training/stepper.ts';
import { accumulateProgram } from '../../src/training/train-programs.ts';
import { float32, type HostTensor, type HostTensors } from '../../src/util/tensor.ts';
import { type TinyJob, tinySamples } from './tiny.ts';

export interface BatchGradient {
  readonly loss: number;
  /** By parameter. */
  readonly gradient: Readonly<Record<string, HostTensor<'float32'>>>;
}

/** The loss of a tiny job's first batch, and its gradient. */
export async function batchGradient(
  engine: Engine,
  tiny: TinyJob,
  tensors: HostTensors = tiny.initial,
): Promise<BatchGradient> {
  const { layouts, config } = tiny;
  const executable = await engine.compile(accumulateProgram(stepSettings(tiny)));
  const state = engine.createState({
    ...parameterState(layouts, tensors),
    gradient: float32(new Float32Array(layouts.trained.size)),
  });
  const outputs = await executable.run(state, {
    ...taskOf(config).drawFeeds(tinySamples(config, 0), { seed: 0, stream: tiny.name, step: 0 }),
    carry: float32(Float32Array.of(0), []),
  });
  const { gradient } = await state.read(['gradient']);
  state.dispose();
  executable.dispose();
  return {
    loss: outputs.loss?.data[0] as number,
    gradient: unflatten(layouts.trained, gradient as HostTensor<'float32'>),
  };
}

/** The same on the engine `cpu`, which tfjs must agree with. */
export async function agreedGradient(tiny: TinyJob): Promise<BatchGradient> {
  const traced = await batchGradient(createOnnxEngine({ threads: 1 }), tiny);
  const eager = await batchGradient(await createEagerEngine('cpu'), tiny);
  expect(eager.loss / traced.loss).toBeCloseTo(1, 5);
  for (const [name, { data }] of Object.entries(traced.gradient)) {
    const apart = data.map((value, at) => value - (eager.gradient[name]?.data[at] as number));
    expect(Math.hypot(...apart), name).toBeLessThan(1e-3 * Math.hypot(...data) + 1e-6);
  }
  return traced;
}

/** Half the distance that a slope is taken over; in double precision hardly a kink is ever within it. */
const STEP = 1e-5;

/** Expects a parameter's gradient to be that of a function of double precision: along it, the slope is its norm. */
export function expectGradient(
  { gradient }: BatchGradient,
  name: string,
  initial: HostTensors,
  lossWith: (tensors: HostTensors) => number,
): void {
  const { data: slopes, shape } = gradient[name] as HostTensor<'float32'>;
  const norm = Math.hypot(...slopes);
  expect(norm, name).toBeGreaterThan(1e-7);
  const at = (distance: number) => {
    const { data } = initial[name] as HostTensor<'float32'>;
    const moved = Float64Array.from(data, (value, place) => value + (distance * (slopes[place] as number)) / norm);
    return lossWith({ ...initial, [name]: { dtype: 'float32', data: moved as unknown as typeof data, shape } });
  };
  const slope = (at(STEP) - at(-STEP)) / (2 * STEP);
  expect(Math.abs(slope - norm), `${name}: ${slope} instead of ${norm}`).toBeLessThan(2e-3 * norm + 1e-5);
}
