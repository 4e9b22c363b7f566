import { beforeAll, describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { tryTorch } from '../../../src/engine/torch/try-torch.ts';
import { bytesOf, type HostTensor } from '../../../src/util/tensor.ts';
import { thorough } from '../../support/faults.ts';
import { methodCases, methodFamilies, methodJob, textMethodCases } from '../../support/method-cases.ts';
import { runSteps, tensorCounts } from '../../support/tiny.ts';
import { TORCH_THREADS, torchTest } from '../../support/torch.ts';

/** With residual networks, where not all cases are tried, what has parts or targets of their own there. */
const differs = ['dgl', 'infopro, softmax', 'imitation'];
const cases = [
  ...methodFamilies.flatMap(([family, model], index) =>
    methodCases
      .filter(({ name }) => thorough || index === 0 || differs.includes(name))
      .map((method) => ({ ...method, family, model })),
  ),
  ...textMethodCases.filter(({ family, name }) => thorough || (family === 'decoder' && name === 'infopro, softmax')),
];
const cpu = () => createOnnxEngine({ threads: 1 });

function expectNear(losses: readonly number[], expected: readonly number[], share: number): void {
  expect(losses).toHaveLength(expected.length);
  for (const [step, loss] of expected.entries()) {
    expect(Number.isFinite(loss)).toBe(true);
    expect(Math.abs((losses[step] as number) / loss - 1), `step ${step} of ${losses}`).toBeLessThan(share);
  }
}

function expectEqualBits(found: Record<string, HostTensor>, expected: Record<string, HostTensor>): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, tensor] of Object.entries(expected))
    expect(Buffer.from(bytesOf(tensor)).equals(bytesOf(found[name] as HostTensor)), name).toBe(true);
}

describe.each(cases)('steps of $name, $family', (method) => {
  const { model } = method;
  let first: Awaited<ReturnType<typeof runSteps>>;
  beforeAll(async () => {
    first = await runSteps(cpu(), methodJob(method, model), 5);
  });

  it('have the same losses traced and eagerly', async () => {
    const eager = await runSteps(await createEagerEngine('cpu'), methodJob(method, model), 3);
    expectNear(first.losses.slice(0, 3), eager.losses, 2e-5);
    expect(new Set(eager.losses).size).toBe(3);
  });

  torchTest(`have the losses of cpu on torch: ${method.name}, ${method.family}`, async (engine) => {
    expectNear((await runSteps(engine, methodJob(method, model), 5)).losses, first.losses, 2e-5);
  });

  it('have equal bits when they are repeated, and with blocks that are recomputed', async () => {
    expectEqualBits((await runSteps(cpu(), methodJob(method, model), 5)).tensors, first.tensors);
    const again = await runSteps(cpu(), methodJob(method, model, { recompute: true }), 5);
    expect(again.losses).toEqual(first.losses);
    expectEqualBits(again.tensors, first.tensors);
  });
});

const leaking = thorough ? cases : methodCases.map((method) => ({ ...method, model: {} }));
const ways: readonly object[] = thorough
  ? [{}, { recompute: true }, { accumulate: 2 }]
  : [{ recompute: true, accumulate: 2 }];
describe.each(leaking)('eager steps of $name', (method) => {
  it.each(ways)('leave no tensors of tfjs behind (%o)', async (training) => {
    const counts = await tensorCounts(await createEagerEngine('cpu'), methodJob(method, method.model, training));
    expect(new Set(counts).size).toBe(1);
  });
});

for (const precision of ['bf16', 'fp16'] as const) {
  torchTest(`local losses in ${precision} are near those in fp32 on torch`, async (engine, context) => {
    const { precisions } = await tryTorch(TORCH_THREADS);
    if (!precisions.includes(precision)) return context.skip(`this PyTorch has no ${precision}`);
    for (const method of cases.filter(({ name }) => name.startsWith('infopro') || name === 'dgl')) {
      const losses = async (chosen: string) =>
        (await runSteps(engine, methodJob(method, method.model, { precision: chosen }), 5)).losses;
      const [expected, found] = [await losses('fp32'), await losses(precision)];
      for (const [step, loss] of expected.entries())
        expect(Math.abs((found[step] as number) - loss), `${method.name}, step ${step}`).toBeLessThan(0.06);
    }
  });
}

/** Of transformers without mixed images, losses are means over images, and so are those of parts of a batch. */
it.each(methodCases.filter(({ name }) => name === 'greedy' || name === 'dgl' || name.startsWith('imitation')))(
  'micro-batches of $name add up to the whole batch',
  async (method) => {
    const whole = await runSteps(cpu(), methodJob(method, {}), 4);
    expectNear((await runSteps(cpu(), methodJob(method, {}, { accumulate: 2 }), 4)).losses, whole.losses, 1e-4);
  },
);
