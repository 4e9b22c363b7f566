import { describe, expect, it, test } from 'vitest';
import { type RunConfig, runConfigSchema } from '../../../../src/config/schema.ts';
import { costInEpochs } from '../../../../src/coordinator/cost.ts';
import { replay } from '../../../../src/coordinator/replay.ts';
import type { JournalEvent } from '../../../../src/protocol/messages.ts';
import type { Evaluation, RunResult } from '../../../../src/protocol/run.ts';
import { compareRuns } from '../../../../src/report/compare/comparison.ts';
import type { ComparedRun } from '../../../../src/report/compare/read-run.ts';
import { statistic, statisticOfAll } from '../../../../src/report/compare/statistic.ts';
import { formatComparison } from '../../../../src/report/compare/table.ts';
import { smallConfig, smallRecord } from '../../../fixtures/run.ts';

interface Told {
  readonly name: string;
  readonly config?: Parameters<typeof runConfigSchema.parse>[0];
  readonly seed?: number;
  readonly top1?: number;
  readonly cold?: number;
  readonly seconds?: number;
  readonly peaks?: readonly number[];
  readonly completed?: boolean;
}

/** A run of two modules as it is read, with an hour of each GPU for each of its modules. */
function comparedRun({
  name,
  config = {},
  seed = 0,
  top1 = 0.5,
  cold,
  seconds = 10,
  peaks = [],
  completed = true,
}: Told) {
  const merged: RunConfig = runConfigSchema.parse({ ...smallConfig(), seed, ...(config as object) });
  const record = { ...smallRecord(merged), name };
  const evaluation = (share: number): Evaluation => ({ top1: share, top5: 0.9, loss: 2 });
  const jobs = record.plan.jobs.map(({ id }, index) => ({ job: id, seconds: index + 1, flops: 1e9, layerUnits: 1 }));
  const events: JournalEvent[] = peaks.map((peakBytes, index) => ({
    seq: index + 1,
    time: '2024-01-02T03:04:05.678Z',
    type: 'job-completed',
    job: jobs[index]?.job as string,
    attempt: 1,
    result: {
      format: 1,
      job: jobs[index]?.job as string,
      metrics: evaluation(top1),
      weights: { path: 'w', sha256: '0'.repeat(64) },
      parameters: { trained: 1, frozen: 0 },
      steps: 1,
      seconds: 1,
      flops: 1,
      engine: 'cpu',
      peakBytes,
    },
  }));
  const result: RunResult = {
    status: 'completed',
    run: name,
    method: 'incubation',
    metrics: {
      meta: evaluation(0.1),
      modules: [evaluation(0.2), evaluation(0.3)],
      cold: evaluation(cold ?? 0.4),
      final: evaluation(top1),
    },
    weights: { path: 'w', sha256: '0'.repeat(64) },
    seconds,
    cost: { jobs, layerUnitsOfEndToEnd: 1, criticalPathOfEndToEnd: 1 },
  };
  const run: ComparedRun = {
    directory: `/runs/${name}`,
    record,
    status: completed ? 'completed' : 'stopped',
    state: replay(events, record.plan.jobs),
    events,
    ...(completed ? { result } : {}),
  };
  return run;
}

test('the sample standard deviation of published numbers is what it should be', () => {
  // NIST StRD, univariate summary statistics, data set NumAcc1: mean 10000002, standard deviation 1.
  expect(statistic([10_000_001, 10_000_003, 10_000_002])).toMatchObject({ mean: 10_000_002, deviation: 1 });
  expect(statistic([3])).toEqual({ mean: 3, deviation: null, values: [3] });
  expect(statisticOfAll([1, undefined])).toBeUndefined();
  expect(statisticOfAll([])).toBeUndefined();
});

describe('runs that are equal but for the seed', () => {
  it('are one row, whatever says nothing of the outcome', () => {
    const { rows, notes } = compareRuns([
      comparedRun({ name: 'a', seed: 0, top1: 0.5, seconds: 10 }),
      comparedRun({ name: 'b', seed: 1, top1: 0.6, seconds: 20, config: { execution: { retries: 9 } } }),
      comparedRun({ name: 'c', seed: 2, top1: 0.7, seconds: 30, config: { checkpoint: { keep: 7 } } }),
    ]);
    expect(notes).toEqual([]);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.runs.map(({ record }) => record.name)).toEqual(['a', 'b', 'c']);
    expect(rows[0]?.figures.top1?.mean).toBeCloseTo(0.6, 12);
    expect(rows[0]?.figures.top1?.deviation).toBeCloseTo(0.1, 12);
    expect(rows[0]?.figures.seconds).toMatchObject({ mean: 20, deviation: 10, values: [10, 20, 30] });
  });

  it('count once each, and only where they are completed', () => {
    const { rows, notes } = compareRuns([
      comparedRun({ name: 'a', seed: 0, top1: 0.5 }),
      comparedRun({ name: 'again', seed: 0, top1: 0.9 }),
      comparedRun({ name: 'b', seed: 1, completed: false }),
    ]);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.figures.top1).toEqual({ mean: 0.5, deviation: null, values: [0.5] });
    expect(notes).toEqual([
      'b is stopped with 0 of 5 jobs done, and is left out.',
      'again repeats the settings and the seed of a and is left out.',
    ]);
  });

  it('have a row without figures where none is completed', () => {
    const comparison = compareRuns([comparedRun({ name: 'a', completed: false })]);
    expect(comparison.measure).toBeUndefined();
    expect(comparison.rows[0]?.figures).toEqual({});
    expect(formatComparison(comparison, 'text')).toContain('a is stopped');
  });

  it('have no figure that one of them lacks', () => {
    const { rows } = compareRuns([
      comparedRun({ name: 'a', seed: 0, peaks: [100, 300] }),
      comparedRun({ name: 'b', seed: 1 }),
    ]);
    expect(rows[0]?.figures.peakBytes).toBeUndefined();
  });
});

describe('a run', () => {
  it('costs what its result and its plan say', () => {
    const run = comparedRun({ name: 'a', peaks: [100, 300, 200] });
    const figures = compareRuns([run]).rows[0]?.figures ?? {};
    const { total, criticalPath } = costInEpochs(run.record.plan, run.record.config, run.record.dataset);
    expect(figures.flops?.mean).toBe(5e9);
    expect(figures.layerUnits?.mean).toBe(total);
    expect(figures.criticalPath?.mean).toBe(criticalPath);
    expect(figures.peakBytes?.mean).toBe(300);
    // meta 1, module-1 3, finetune 4, evaluate 5.
    expect(figures.criticalPathSeconds?.mean).toBe(13);
    expect(figures.coldTop1?.mean).toBe(0.4);
  });
});

describe('rows', () => {
  it('are told apart by what differs, and by nothing else', () => {
    const { rows } = compareRuns([
      comparedRun({ name: 'a' }),
      comparedRun({ name: 'b', config: { data: { trainLimit: '25%' }, training: { mixup: 0 } } }),
      comparedRun({ name: 'c', config: { model: { name: 'vit-tiny', depth: 4, width: 96 } } }),
    ]);
    expect(rows.map(({ method, model, data, settings }) => ({ method, model, data, settings }))).toEqual([
      { method: 'incubation', model: 'vit-tiny width=null', data: 'shapes 100%', settings: { 'training.mixup': 0.8 } },
      { method: 'incubation', model: 'vit-tiny width=null', data: 'shapes 25%', settings: { 'training.mixup': 0 } },
      { method: 'incubation', model: 'vit-tiny width=96', data: 'shapes 100%', settings: { 'training.mixup': 0.8 } },
    ]);
  });

  it('say nothing of phases and methods that a run does not have', () => {
    const train = (epochs: number) => ({ ...smallConfig().phases, train: { ...smallConfig().phases.train, epochs } });
    const { rows } = compareRuns([
      comparedRun({ name: 'a', config: { phases: train(4) } }),
      comparedRun({ name: 'b', config: { phases: train(5) }, seed: 1 }),
      comparedRun({ name: 'c', config: { phases: train(4), method: { name: 'e2e' } } }),
      comparedRun({ name: 'd', config: { phases: train(5), method: { name: 'e2e', infopro: { label: [1, 1] } } } }),
      comparedRun({ name: 'e', config: { phases: train(4), method: { name: 'infopro', infopro: { label: [1, 1] } } } }),
      comparedRun({ name: 'f', config: { phases: train(4), method: { name: 'infopro', infopro: { label: [2, 1] } } } }),
    ]);
    expect(rows.map(({ method, runs, settings }) => [method, runs.length, settings])).toEqual([
      ['incubation', 2, {}],
      ['e2e', 1, { 'phases.train.epochs': 4 }],
      ['e2e', 1, { 'phases.train.epochs': 5 }],
      ['infopro infopro.label=[1,1]', 1, { 'phases.train.epochs': 4 }],
      ['infopro infopro.label=[2,1]', 1, { 'phases.train.epochs': 4 }],
    ]);
  });

  it('say nothing of settings that are for other methods', () => {
    const method = (name: string, more: object = {}) => ({ method: { name }, ...more });
    const { rows } = compareRuns([
      comparedRun({ name: 'a', config: method('e2e') }),
      comparedRun({ name: 'b', config: method('e2e', { division: { modules: 3, metaDepths: 2 } }), seed: 1 }),
      comparedRun({ name: 'c', config: method('e2e', { training: { frozenSlices: 'train' } }), seed: 2 }),
      comparedRun({ name: 'd', config: method('dgl', { division: { modules: 2, metaDepths: 1 } }) }),
      comparedRun({ name: 'e', config: method('dgl', { division: { modules: 2, metaDepths: 2 } }), seed: 1 }),
      comparedRun({ name: 'f', config: method('dgl', { division: { modules: 4 } }) }),
      comparedRun({ name: 'g', config: method('incubation', { division: { modules: 2, metaDepths: 2 } }) }),
    ]);
    expect(rows.map(({ method, runs, settings }) => [method, runs.length, settings])).toEqual([
      ['e2e', 3, {}],
      ['dgl', 2, { 'division.modules': 2 }],
      ['dgl', 1, { 'division.modules': 4 }],
      ['incubation', 1, { 'division.modules': 2 }],
    ]);
  });

  it('of different tasks are refused', () => {
    const language = comparedRun({ name: 'words' });
    const final = { top1: 0.3, top5: 0.6, loss: 3, perplexity: 20.1 } as Evaluation;
    const words = { ...language, result: { ...(language.result as RunResult), metrics: { final } as never } };
    expect(() => compareRuns([comparedRun({ name: 'images' }), words])).toThrow(
      expect.objectContaining({
        code: 'USAGE_COMPARE',
        message: expect.stringContaining('images is measured by top-1'),
      }),
    );
    const alone = compareRuns([words]);
    expect(alone.measure?.key).toBe('perplexity');
    expect(alone.rows[0]?.figures).toMatchObject({ perplexity: { mean: 20.1 }, loss: { mean: 3 } });
    expect(alone.rows[0]?.figures.coldPerplexity).toBeUndefined();
    expect(formatComparison(alone, 'text').split('\n')[1]).toMatch(/ 20\.10 +10s /);
  });
});

it('says that perplexities of different vocabularies do not compare', () => {
  const words = (name: string, vocabulary: number): ComparedRun => {
    const run = comparedRun({ name, config: { data: { format: 'text', vocabulary } } });
    const tokens = { vocabulary, train: 10, validation: 10 };
    return { ...run, record: { ...run.record, dataset: { ...run.record.dataset, tokens } } };
  };
  expect(compareRuns([words('a', 256), words('b', 256)]).notes.filter((note) => note.includes('vocabularies'))).toEqual(
    [],
  );
  expect(compareRuns([words('a', 256), words('b', 1024)]).notes).toEqual([
    'Perplexities, losses and accuracies are per token: those of different vocabularies (256, 1,024) do not compare.',
  ]);
});

describe('the formats', () => {
  const comparison = compareRuns([
    comparedRun({ name: 'a', seed: 0, top1: 0.5, config: { data: { source: '/x/a|b, "c"' } } }),
    comparedRun({ name: 'b', seed: 1, top1: 0.6, config: { data: { source: '/x/a|b, "c"' } } }),
    comparedRun({ name: 'c', seed: 0, top1: 0.7, config: { data: { source: 'shapes' } } }),
  ]);

  it('text aligns, and says n and the deviation', () => {
    const lines = formatComparison(comparison, 'text').split('\n');
    expect(lines[0]).toMatch(/^method +model +data +n +top-1 +cold top-1 +time/);
    expect(lines[1]).toMatch(/^incubation +vit-tiny +a\|b, "c" 100% +2 +55\.00% ± 7\.07%/);
    expect(lines[2]).toMatch(/^incubation +vit-tiny +shapes 100% +1 +70\.00% +40\.00%/);
  });

  it('markdown escapes what separates its cells', () => {
    const [head, rule, first] = formatComparison(comparison, 'markdown').split('\n');
    expect(head).toMatch(/^\| method \| model \| data \| n \| top-1 \|/);
    expect(rule).toMatch(/^\| --- \|/);
    expect(first).toContain('| a\\|b, "c" 100% | 2 | 55.00% ± 7.07% |');
  });

  it('csv has plain numbers, and every figure', () => {
    const [head = '', first = '', second = ''] = formatComparison(comparison, 'csv').split('\n');
    expect(head).toMatch(
      /^method,model,data,settings,n,top1,top1Deviation,top5,top5Deviation,loss,lossDeviation,coldTop1,/,
    );
    expect(first).toMatch(/^incubation,vit-tiny,"a\|b, ""c"" 100%",,2,0\.55,0\.0707106\d+,/);
    expect(second).toMatch(/^incubation,vit-tiny,shapes 100%,,1,0\.7,,/);
    expect(head.split(',')).toHaveLength(second.split(',').length);
  });
});
