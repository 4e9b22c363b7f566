import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { modulesOf } from '../../../src/methods/table.ts';
import { type Architecture, type PartSpec, parametersOf, partsOf } from '../../../src/models/architecture.ts';
import { type Network, networkParameters } from '../../../src/models/network.ts';
import { buildArchitecture, metaArchitecture } from '../../../src/models/registry.ts';
import { jobNetwork } from '../../../src/training/phases.ts';
import { CLASSES, jobs, runSteps, tinyConfig, tinyFamilies, tinyGpt, tinyJob } from '../../support/tiny.ts';

const values = ['own', 'meta', 'frozen'] as const;
type Ends = (typeof values)[number];

function runOf(ends: Ends, { model = tinyGpt as object, method = {}, division = {} } = {}) {
  const config = tinyConfig({ model, division, method: { ends, ...method } });
  const target = buildArchitecture(config.model, CLASSES);
  const modules = modulesOf(target, config);
  return {
    config,
    target,
    modules,
    jobOf: (job: Parameters<typeof jobNetwork>[0]) => jobNetwork(job, modules, config, CLASSES),
  };
}

/** Parts in their order, with a mark where they are trained. */
const told = (network: Network) =>
  network.map(({ origin, spec, trainable }) => `${origin} ${spec.name}${trainable ? ' *' : ''}`);

/** A decoder of six blocks in three modules, with a meta model of three. */
describe.each([
  {
    ends: 'own',
    first: ['target stem *', 'target h.0 *', 'target h.1 *', 'meta h.1', 'meta h.2', 'meta head'],
    last: ['meta stem', 'meta h.0', 'meta h.1', 'target h.4 *', 'target h.5 *', 'target head *'],
    finetuned: ['target stem *', 'target head *'],
  },
  {
    ends: 'meta',
    first: ['meta stem', 'target h.0 *', 'target h.1 *', 'meta h.1', 'meta h.2', 'meta head'],
    last: ['meta stem', 'meta h.0', 'meta h.1', 'target h.4 *', 'target h.5 *', 'meta head'],
    finetuned: ['target stem *', 'target head *'],
  },
  {
    ends: 'frozen',
    first: ['meta stem', 'target h.0 *', 'target h.1 *', 'meta h.1', 'meta h.2', 'meta head'],
    last: ['meta stem', 'meta h.0', 'meta h.1', 'target h.4 *', 'target h.5 *', 'meta head'],
    finetuned: ['target stem', 'target head'],
  },
] as const)('method.ends $ends', ({ ends, first, last, finetuned }) => {
  const { jobOf } = runOf(ends);

  it('says what of stem and head modules train', () => {
    expect(told(jobOf(jobs.first).network)).toEqual(first);
    expect(told(jobOf(jobs.last).network)).toEqual(last);
    for (const job of [jobs.first, jobs.last])
      expect(told(jobOf(job).product)).toEqual(told(jobOf(job).network).filter((part) => part.startsWith('target')));
  });

  it('and fine-tuning does, whose result is all of the model', () => {
    const { network, product } = jobOf(jobs.finetune);
    const blocks = [0, 1, 2, 3, 4, 5].map((index) => `target h.${index} *`);
    expect(told(network)).toEqual([finetuned[0], ...blocks, finetuned[1]]);
    expect(told(product)).toEqual(told(network));
    expect(told(jobOf({ id: 'evaluate', kind: 'evaluate' }).network)).toHaveLength(8);
  });

  it('imitates what the module has', () => {
    const imitating = runOf(ends, { method: { name: 'imitation' } });
    const objectiveOf = (job: Parameters<typeof jobNetwork>[0]) => {
      const { objective } = imitating.jobOf(job);
      if (objective.kind !== 'imitation') throw new RangeError(objective.kind);
      return { upstream: told(objective.upstream), module: told(objective.module), slice: told(objective.slice) };
    };
    const has = ends === 'own';
    expect(objectiveOf(jobs.first)).toEqual({
      upstream: has ? [] : ['meta stem'],
      module: [...(has ? ['target stem *'] : []), 'target h.0 *', 'target h.1 *'],
      slice: [...(has ? ['meta stem'] : []), 'meta h.0'],
    });
    expect(objectiveOf(jobs.last)).toEqual({
      upstream: ['meta stem', 'meta h.0', 'meta h.1'],
      module: ['target h.4 *', 'target h.5 *', ...(has ? ['target head *'] : [])],
      slice: ['meta h.2', ...(has ? ['meta head'] : [])],
    });
  });

  it('leaves ends frozen where slices behind the module are trained, too', () => {
    const { network } = runOf(ends, { method: { downstream: 'trained' } }).jobOf(jobs.first);
    expect(told(network).slice(-3)).toEqual(['meta h.1 *', 'meta h.2 *', ends === 'own' ? 'meta head *' : 'meta head']);
  });

  it('means nothing to methods without jobs of modules', () => {
    for (const name of ['e2e', 'gstack']) {
      const other = runOf(ends, { method: { name } });
      const job = name === 'e2e' ? ({ id: 'train', kind: 'train' } as const) : jobs.finetune;
      const { network, copies } = other.jobOf(job);
      expect(network.every(({ trainable }) => trainable)).toBe(true);
      expect(copies).toEqual(runOf('own', { method: { name } }).jobOf(job).copies);
    }
  });
});

const names = (specs: readonly PartSpec[]) => parametersOf(specs).map(({ name }) => name);
const shapes = (architecture: Architecture) =>
  new Map(parametersOf(partsOf(architecture)).map(({ name, shape }) => [name, shape]));

describe.each(tinyFamilies)('the assembly of a %s', (_, model) => {
  it.each(values)('has every parameter once, from a module or the meta model: %s', (ends) => {
    const { target, modules, jobOf } = runOf(ends, { model });
    const meta = metaArchitecture(target, modules);
    const trained = [jobs.first, jobs.middle, jobs.last].flatMap((job) =>
      names(jobOf(job).product.map(({ spec }) => spec)),
    );
    const { copies } = jobOf(jobs.finetune);
    expect([...trained, ...copies.keys()].sort()).toEqual(names(partsOf(target)).sort());
    for (const [to, from] of copies)
      expect(shapes(meta).get(from.replace(/^meta\./, '')), to).toEqual(shapes(target).get(to));
  });

  it.each(values)('begins with modules that copy nothing but what is theirs: %s', (ends) => {
    const { jobOf } = runOf(ends, { model, method: { initialise: 'meta' }, division: { metaDepths: 2 } });
    for (const job of [jobs.first, jobs.last]) {
      const { network, copies } = jobOf(job);
      expect([...copies.keys()].sort()).toEqual(
        networkParameters(network, true)
          .map(({ name }) => name)
          .sort(),
      );
    }
  });

  it('is trained in its blocks alone where the ends are frozen', async () => {
    const job = tinyJob(
      jobs.finetune,
      tinyConfig({ model, method: { ends: 'frozen' }, training: { frozenSlices: 'eval' } }),
    );
    const engine = createOnnxEngine({ threads: 1 });
    const [before, after] = [await runSteps(engine, job, 0), await runSteps(engine, job, 2)];
    expect(after.tensors.frozen?.data).toEqual(before.tensors.frozen?.data);
    expect(
      after.tensors.parameters?.data.filter((value, at) => value === before.tensors.parameters?.data[at]).length,
    ).toBe(0);
    const { stem, head } = runOf('frozen', { model }).target;
    const ends = parametersOf([stem, head]).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    expect(before.tensors.frozen?.data.length).toBe(ends);
  });
});
