import { expect, it } from 'vitest';
import { type ImitationLoss, imitationLosses } from '../../../src/config/methods.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { parameterState } from '../../../src/training/network-layouts.ts';
import { bytesOf, float32, type HostTensor, type HostTensors } from '../../../src/util/tensor.ts';
import { imageFamilies, plainImages, plainMeta, plainModules } from '../../support/local-cases.ts';
import { agreedGradient, expectGradient } from '../../support/plain-gradients.ts';
import { plainResnetFamily } from '../../support/plain-local.ts';
import { mean } from '../../support/plain-resnet.ts';
import { dot } from '../../support/plain-vit.ts';
import { jobs, runSteps, tinyConfig, tinyJob } from '../../support/tiny.ts';

const moduleJobs = [jobs.first, jobs.middle, jobs.last];
const cases = imageFamilies.flatMap(({ family, model, plain }) =>
  moduleJobs.flatMap((job) =>
    imitationLosses.map((loss) => {
      const isVit = family === 'vision transformer';
      return { family, isVit, model, plain, id: job.id, job, loss };
    }),
  ),
);

/** Mean distances of vectors. */
const plainDistances: Record<ImitationLoss, (a: number[][], b: number[][]) => number> = {
  l1: (a, b) => mean(differences(a, b).map(Math.abs)),
  mse: (a, b) => mean(differences(a, b).map((d) => d * d)),
  'smooth-l1': (a, b) => mean(differences(a, b).map((d) => (Math.abs(d) < 1 ? d * d * 0.5 : Math.abs(d) - 0.5))),
  cosine: (a, b) =>
    1 -
    mean(
      a.map((vector, at) => {
        const other = b[at] as number[];
        // As PyTorch's: where a vector is zero, so is the cosine.
        return dot(vector, other) / Math.max(Math.sqrt(dot(vector, vector) * dot(other, other)), 1e-8);
      }),
    ),
};

function differences(a: number[][], b: number[][]): number[] {
  const others = b.flat();
  return a.flat().map((value, at) => value - (others[at] as number));
}

it.each(cases)('the loss $loss and gradients of $id are those of plain loops: $family', async (given) => {
  const { isVit, model, plain, job, loss } = given;
  const settings = { model, method: { name: 'imitation', imitation: { loss } }, training: { batchSize: 4 } };
  const tiny = tinyJob(job, tinyConfig(settings));
  const found = await agreedGradient(tiny);
  const modules = plainModules(tiny.config);
  const batch = plainImages(tiny.config, 0);
  const { module: index } = job;
  const isLast = index === modules.length - 1;

  // The meta model computes as in evaluation.
  const still = isVit ? plain : plainResnetFamily('running');
  const { blocks: metaBlocks, weights: meta } = plainMeta(given, modules, tiny.initial);
  const features = metaBlocks.slice(0, index).reduce((x, name) => still.block(x, name, meta), still.stem(batch, meta));
  const taught = still.block(features, metaBlocks[index] as string, meta);
  const target = isLast ? still.head(taught, meta) : still.vectors(taught);

  const lossWith = (weights: HostTensors) => {
    const start = index === 0 ? plain.stem(batch, weights) : features;
    const x = modules[index]?.reduce((before, name) => plain.block(before, name, weights), start);
    return plainDistances[loss](isLast ? plain.head(x, weights) : plain.vectors(x), target);
  };
  expect(found.loss / lossWith(tiny.initial)).toBeCloseTo(1, 4);
  expect(Object.keys(found.gradient).length).toBeGreaterThan(10);
  for (const name of Object.keys(found.gradient)) expectGradient(found, name, tiny.initial, lossWith);
});

it.each(moduleJobs)('leaves the meta slices as they are, and looks at none after its own: $id', async (job) => {
  const tiny = tinyJob(job, tinyConfig({ method: { name: 'imitation' } }));
  const engine = createOnnxEngine({ threads: 1 });
  const { losses, tensors } = await runSteps(engine, tiny, 3);
  const before = parameterState(tiny.layouts, tiny.initial).frozen as HostTensor;
  expect(Buffer.from(bytesOf(tensors.frozen as HostTensor)).equals(bytesOf(before))).toBe(true);
  const isLater = (name: string) => {
    const block = /^meta\.blocks\.(\d+)\./.exec(name)?.[1];
    return block === undefined ? /^meta\.(?:norm|head)\./.test(name) && job.module < 2 : Number(block) > job.module;
  };
  const others = Object.fromEntries(
    Object.entries(tiny.initial).map(([name, { data, shape }]) => [
      name,
      float32(
        Float32Array.from(data, (value) => (isLater(name) ? 2 * value : value)),
        shape,
      ),
    ]),
  );
  expect((await runSteps(engine, { ...tiny, initial: others }, 3)).losses).toEqual(losses);
  // The loss falls at once: the module is trained.
  expect((await runSteps(engine, tiny, 12)).losses.at(-1)).toBeLessThan(losses[0] as number);
});
