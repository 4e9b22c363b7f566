import { z } from 'zod';
import { engineNames } from '../../src/config/engines.ts';
import { methodNames } from '../../src/config/methods.ts';
import { runConfigSchema } from '../../src/config/schema.ts';

/*
 * The documents that `--json` prints, exactly: a field more or less is a change of an interface that scripts depend on, and
 * belongs in CHANGELOG.md.
 */

const count = z.int().min(0);
const number = z.number();
const evaluation = z.strictObject({ top1: number, top5: number, loss: number, perplexity: z.exactOptional(number) });
const weights = z.strictObject({ path: z.string(), sha256: z.string().length(64) });
const lease = z.strictObject({
  id: z.string(),
  kind: z.enum(['gpu', 'cpu', 'webgpu']),
  cudaVisibleDevices: z.string(),
});
const gpu = z.strictObject({ index: count, uuid: z.string(), name: z.string(), memoryMiB: number });
const engine = z.enum(engineNames);

const diagnostics = z.strictObject({
  images: count,
  interfaces: z.array(
    z.strictObject({
      module: count,
      normRatio: number,
      normError: number,
      outputError: number,
      cka: number.nullable(),
    }),
  ),
});

export const resultDocument = z.strictObject({
  status: z.literal('completed'),
  run: z.string(),
  method: z.enum(methodNames),
  metrics: z.strictObject({
    meta: z.exactOptional(evaluation),
    modules: z.exactOptional(z.array(evaluation)),
    cold: z.exactOptional(evaluation),
    final: evaluation,
  }),
  diagnostics: z.exactOptional(diagnostics),
  weights,
  seconds: number,
  cost: z.strictObject({
    jobs: z.array(
      z.strictObject({
        job: z.string(),
        seconds: number,
        flops: number,
        layerUnits: number,
        damaged: z.exactOptional(count),
      }),
    ),
    layerUnitsOfEndToEnd: number,
    criticalPathOfEndToEnd: number,
  }),
});

export const stoppedDocument = z.strictObject({
  status: z.literal('stopped'),
  run: z.string(),
  signal: z.enum(['SIGINT', 'SIGTERM']),
});

const runStatus = z.enum(['running', 'completed', 'failed', 'stopped', 'interrupted', 'created']);
const error = z.strictObject({
  code: z.string(),
  message: z.string(),
  hint: z.exactOptional(z.string()),
  exitCode: count,
  stack: z.exactOptional(z.string()),
});

const jobState = z.strictObject({
  id: z.string(),
  status: z.enum(['pending', 'running', 'retrying', 'completed', 'failed', 'stopped', 'interrupted']),
  attempts: count,
  failures: count,
  epoch: z.exactOptional(number),
  epochs: z.exactOptional(number),
  loss: z.exactOptional(number),
  evaluation: z.exactOptional(evaluation),
  cold: z.exactOptional(evaluation),
  diagnostics: z.exactOptional(diagnostics),
  engine: z.exactOptional(z.string()),
  step: z.exactOptional(count),
  result: z.exactOptional(
    z.strictObject({
      format: z.literal(1),
      job: z.string(),
      metrics: evaluation,
      cold: z.exactOptional(evaluation),
      diagnostics: z.exactOptional(diagnostics),
      weights,
      parameters: z.strictObject({ trained: count, frozen: count }),
      steps: count,
      seconds: number,
      flops: number,
      engine: z.string(),
      peakBytes: z.exactOptional(count),
      damaged: z.exactOptional(count),
    }),
  ),
  error: z.exactOptional(error),
  failedAt: z.exactOptional(count),
  accumulate: z.exactOptional(count),
  skipped: z.exactOptional(count),
  damaged: z.exactOptional(count),
  rollbacks: z.exactOptional(count),
  worker: z.exactOptional(
    z.strictObject({
      pid: count,
      lease: z.string(),
      process: z.exactOptional(z.string()),
      state: z.enum(['starting', 'compiling', 'running', 'checkpointing', 'stopping', 'exited']),
    }),
  ),
});

export const statusDocument = z.strictObject({
  run: z.string(),
  status: runStatus,
  seconds: number,
  updated: z.exactOptional(z.iso.datetime()),
  holder: z.exactOptional(z.strictObject({ pid: count, host: z.string() })),
  jobs: z.array(jobState),
});

export const runsDocument = z.strictObject({
  runs: z.array(
    z.union([
      z.strictObject({
        run: z.string(),
        status: runStatus,
        completed: count,
        jobs: count,
        updated: z.exactOptional(z.string()),
      }),
      z.strictObject({
        run: z.string(),
        status: z.literal('unreadable'),
        error: z.strictObject({ code: z.string(), message: z.string() }),
      }),
    ]),
  ),
});

const statistic = z.strictObject({
  mean: number.nullable(),
  deviation: number.nullable(),
  values: z.array(number.nullable()),
});

export const comparisonDocument = z.strictObject({
  measure: z.string().nullable(),
  rows: z.array(
    z.strictObject({
      method: z.string(),
      model: z.string(),
      data: z.string(),
      settings: z.record(z.string(), z.unknown()),
      n: count,
      runs: z.array(z.string()),
      figures: z.partialRecord(
        z.enum([
          'perplexity',
          'top1',
          'top5',
          'loss',
          'coldPerplexity',
          'coldTop1',
          'coldTop5',
          'coldLoss',
          'seconds',
          'deviceHours',
          'flops',
          'layerUnits',
          'criticalPath',
          'criticalPathSeconds',
          'peakBytes',
        ]),
        statistic,
      ),
      interfaces: z.exactOptional(
        z.array(
          z.strictObject({
            module: count,
            normRatio: statistic,
            normError: statistic,
            outputError: statistic,
            cka: statistic,
          }),
        ),
      ),
    }),
  ),
  runs: z.array(z.strictObject({ run: z.string(), directory: z.string(), status: runStatus, seed: count })),
  notes: z.array(z.string()),
});

export const sweepDocument = z.strictObject({
  status: z.enum(['planned', 'completed', 'failed', 'stopped']),
  signal: z.exactOptional(z.enum(['SIGINT', 'SIGTERM'])),
  runs: z.array(
    z.strictObject({
      run: z.string(),
      directory: z.string(),
      settings: z.record(z.string(), z.unknown()),
      layerUnits: number,
      criticalPath: number,
      status: z.enum([...runStatus.options, 'new']),
      error: z.exactOptional(error),
    }),
  ),
});

export const evalDocument = z.strictObject({
  weights: z.string(),
  data: z.string(),
  ...evaluation.shape,
  images: z.exactOptional(count),
  classes: z.exactOptional(z.array(z.string())),
  tokens: z.exactOptional(count),
  vocabulary: z.exactOptional(count),
  damaged: z.exactOptional(count),
});

export const configDocument = z.strictObject({
  config: runConfigSchema,
  origins: z.record(z.string(), z.string()),
  recipe: z.string().nullable(),
});

export const planDocument = z.strictObject({
  method: z.enum(methodNames),
  model: z.strictObject({ name: z.string(), depth: count, parameters: count, macsPerImage: number }),
  data: z.strictObject({
    source: z.string(),
    classes: z.array(z.string()),
    train: count,
    validation: count,
    tokens: z.exactOptional(z.strictObject({ vocabulary: count, train: count, validation: count })),
  }),
  devices: z.strictObject({ engine, gpus: z.array(gpu), threads: count, leases: z.array(lease), choice: z.string() }),
  modules: z.array(z.strictObject({ index: count, from: count, to: count, metaDepth: count, parameters: count })),
  jobs: z.array(
    z.strictObject({
      id: z.string(),
      kind: z.enum(['meta', 'module', 'finetune', 'train', 'evaluate']),
      module: z.exactOptional(count),
      needs: z.array(z.string()),
      threads: count,
      cost: number,
      trained: count,
      frozen: count,
      flopsPerStep: number,
      peakBytes: number,
      stateBytes: number,
      epochs: number,
      steps: count,
      images: count,
      flops: number,
      layerUnits: number,
    }),
  ),
  cost: z.strictObject({
    layerUnitsOfEndToEnd: number,
    criticalPathOfEndToEnd: number,
    flops: number,
    flopsOfEndToEnd: number,
  }),
  notes: z.array(z.string()),
});

export const doctorDocument = z.strictObject({
  versions: z.strictObject({ incubate: z.string(), node: z.string() }),
  system: z.strictObject({
    platform: z.string(),
    release: z.string(),
    architecture: z.string(),
    processor: z.string(),
    memoryBytes: count,
  }),
  devices: z.strictObject({ gpus: z.array(gpu), reason: z.exactOptional(z.string()), threads: count }),
  engines: z.array(
    z.strictObject({
      name: engine,
      available: z.boolean(),
      version: z.string().nullable(),
      device: z.string().nullable(),
      accelerated: z.boolean(),
      precisions: z.array(z.string()),
      reason: z.exactOptional(z.string()),
      hint: z.exactOptional(z.string()),
    }),
  ),
  choice: z.strictObject({ engine, leases: z.array(lease), reason: z.string() }),
  advice: z.array(z.string()),
});

export const cleanDocument = z.strictObject({
  removed: z.boolean(),
  runs: z.array(z.strictObject({ run: z.string(), what: z.enum(['checkpoints', 'run']), bytes: count })),
  bytes: count,
});

const imageSize = z.strictObject({ width: count, height: count });

export const inspectionDocument = z.strictObject({
  source: z.string(),
  format: z.enum(['shapes', 'folder', 'cifar', 'idx', 'tar', 'manifest', 'packed']),
  images: z.strictObject({ train: count, validation: count }),
  classes: z.array(z.strictObject({ name: z.string(), train: count, validation: count })),
  sample: z.strictObject({
    images: count,
    smallest: imageSize.nullable(),
    largest: imageSize.nullable(),
    sizes: z.array(imageSize.extend({ images: count })),
  }),
  fingerprint: z.string().length(64),
  problems: z.array(z.string()),
});

const splitCounts = z.strictObject({ train: count, validation: count });

export const textInspectionDocument = z.strictObject({
  source: z.string(),
  format: z.literal('text'),
  files: count,
  bytes: splitCounts,
  tokens: splitCounts,
  vocabulary: count,
  frequent: z.array(z.strictObject({ token: count, text: z.string(), count })),
  unseen: count,
  fingerprint: z.string().length(64),
  problems: z.array(z.string()),
});

export const preparedDocument = z.strictObject({
  out: z.string(),
  size: count,
  channels: count,
  classes: count,
  train: count,
  validation: count,
  bytes: count,
});
