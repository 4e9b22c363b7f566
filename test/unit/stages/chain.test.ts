import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { modulesOf } from '../../../src/methods/table.ts';
import { buildArchitecture } from '../../../src/models/registry.ts';
import { openChain } from '../../../src/stages/chain.ts';
import { jobNetwork } from '../../../src/training/phases.ts';
import { createStepper } from '../../../src/training/stepper.ts';
import { initialState } from '../../../src/training/training-state.ts';
import type { HostTensor } from '../../../src/util/tensor.ts';
import { CLASSES, tinyConfig, tinyFamilies, tinyJob, tinySamples, trainJob } from '../../support/tiny.ts';

const STEPS = 4;

describe.each(tinyFamilies.slice(0, 2))('a chain of processes with one batch between them, %s', (_, model) => {
  it('trains as one process does', async () => {
    const config = tinyConfig({
      model,
      method: { name: 'dgl', updates: 'asynchronous', replayBuffer: 1 },
      // AdamW makes whole steps of gradients that are nothing but rounding; a larger epsilon damps them.
      training: { mixup: 0.8, eps: 1e-3 },
      phases: { train: { epochs: 1, dropPath: 0.2, clip: 0.5 } },
    });
    const job = tinyJob(trainJob, config);
    const modules = modulesOf(buildArchitecture(config.model, CLASSES), config);
    const trained = jobNetwork(trainJob, modules, config, CLASSES);
    const engine = createOnnxEngine({ threads: 1 });
    const spec = {
      config,
      job: { ...trainJob, needs: [], threads: 1, cost: 1 },
      modules,
      outputs: CLASSES,
      engine: 'cpu' as const,
      threads: 1,
      devices: [''],
    };
    let advances = 0;
    const chain = openChain(engine, spec, trained, () => {
      advances += 1;
    });
    const initial = initialState(job.layouts, job.initial, config.training);
    const run = async (from: typeof engine, create: typeof createStepper) => {
      const state = from.createState(initial);
      const stepper = await create(from, job);
      const losses: number[] = [];
      for (let step = 0; step < STEPS; step++)
        losses.push(await stepper.step(state, tinySamples(config, step), step, 1e-3));
      const tensors = await state.read();
      stepper.dispose();
      state.dispose();
      return { losses, tensors };
    };
    const expected = await run(engine, createStepper);
    const found = await run(chain.engine, chain.createStepper);
    for (const [step, loss] of expected.losses.entries()) expect(found.losses[step]).toBeCloseTo(loss, 5);
    for (const [name, { shape, data }] of Object.entries(expected.tensors)) {
      const own = found.tensors[name] as HostTensor;
      expect(own.shape, name).toEqual(shape);
      // The whole's program adds some gradients up in another order.
      const off = Math.max(...Array.from(data, (value, at) => Math.abs(value - (own.data[at] as number))));
      expect(off, name).toBeLessThan(1e-5);
    }
    expect(advances).toBe(3 * STEPS);
    expect(chain.peakBytes()).toBeGreaterThan(3 * 2 ** 24);
  });
});
