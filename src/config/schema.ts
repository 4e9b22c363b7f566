import { z } from 'zod';
import { dataSchema } from './data-schema.ts';
import { cudaGraphs, engineNames } from './engines.ts';
import { imitationLosses, methodNames } from './methods.ts';
import { precisions } from './precision.ts';
import { fraction, pair, positiveInteger } from './schema-values.ts';

/** Of a running mean: 1 would never forget, and divide by zero. */
const decay = z.number().min(0).lt(1);
/** A limit of time that can be switched off. */
const seconds = (least: number, standard: number) => z.number().min(least).nullable().default(standard);
const perModule = z.array(positiveInteger).min(1);
/** A weight in the first and in the last module that has a loss of its own. */
const schedule = pair(z.number().min(0)).nullable().default(null);

const phase = (defaults: { epochs: number; warmupEpochs: number; dropPath: number; clip: number | null }) =>
  z
    .strictObject({
      epochs: z.int().min(0).default(defaults.epochs).describe('passes over the training images or text'),
      lr: z.number().positive().default(5e-4).describe('learning rate at the reference batch size'),
      minLr: z.number().min(0).default(1e-5).describe('learning rate at the end of the cosine'),
      warmupLr: z.number().min(0).default(1e-6).describe('learning rate of the first warm-up step'),
      warmupEpochs: z.number().min(0).default(defaults.warmupEpochs).describe('epochs of linear warm-up'),
      dropPath: fraction.default(defaults.dropPath).describe('stochastic depth rate of the last block'),
      clip: z
        .number()
        .positive()
        .nullable()
        .default(defaults.clip)
        .describe('largest gradient norm; null: no clipping'),
    })
    .prefault({});

/**
 * Everything a run is configured with. Defaults are the paper's ImageNet recipe but for the augmentation, which is in
 * `configs/imagenet.yaml` (reference: Deep Incubation, official
 * code, section "settings"); recipes in `configs/` replace them.
 */
export const runConfigSchema = z.strictObject({
  seed: z.int().min(0).default(0).describe('seed of every random decision of the run'),
  model: z
    .strictObject({
      name: z
        .string()
        .min(1)
        .default('vit-base')
        .describe(
          'architecture: vit-tiny, vit-small, vit-base, vit-large, vit-huge; for small images resnet-20, resnet-32, resnet-44, resnet-56, resnet-110; of ImageNet resnet-18, resnet-34, resnet-50, resnet-101; of text gpt-nano, gpt-micro, gpt-mini, gpt-small, gpt-medium, gpt-large, gpt-xl, lstm, gru',
        ),
      width: positiveInteger
        .nullable()
        .default(null)
        .describe("ViT, GPT, LSTM, GRU: token width; ResNet: the stem's channels; null: as the name says"),
      depth: positiveInteger
        .nullable()
        .default(null)
        .describe('number of blocks; ResNets for small images: a multiple of 3; those of ImageNet: none'),
      heads: positiveInteger.nullable().default(null).describe('ViT, GPT: attention heads'),
      mlpRatio: z
        .number()
        .positive()
        .nullable()
        .default(null)
        .describe('ViT, GPT: hidden width of the MLP / token width'),
      patch: positiveInteger.nullable().default(null).describe('ViT: side of a patch, pixels'),
      qkvBias: z.boolean().nullable().default(null).describe('ViT: bias of the qkv projection'),
      layerNormEps: z.number().positive().nullable().default(null).describe('ViT, GPT: epsilon of LayerNorm'),
      imageSize: positiveInteger.default(224).describe('side of the square input image, pixels'),
      channels: z
        .union([z.literal(1), z.literal(3)])
        .default(3)
        .describe('colour channels: 1 grey, 3 RGB'),
      context: positiveInteger.default(1024).describe('text: tokens of a sequence'),
    })
    .prefault({}),
  division: z
    .strictObject({
      modules: positiveInteger.default(4).describe('number K of modules'),
      depths: perModule.nullable().default(null).describe('blocks per module; null: divided by `balance`'),
      balance: z
        .enum(['depth', 'cost', 'memory'])
        .default('depth')
        .describe('divide evenly by blocks, by compute, or by what training keeps of activations'),
      metaDepths: z.union([positiveInteger, perModule]).default(1).describe('blocks of each meta slice'),
      metaWidth: z
        .number()
        .positive()
        .default(1)
        .describe(
          "width within the meta model's blocks, of the model's: hidden units of a ViT or GPT, inner channels of a ResNet",
        ),
    })
    .prefault({}),
  method: z
    .strictObject({
      name: z
        .enum(methodNames)
        .default('incubation')
        .describe('how the model is trained: Deep Incubation, or what it is compared with; see docs/methods.md'),
      downstream: z
        .enum(['frozen', 'trained'])
        .default('frozen')
        .describe('incubation: meta slices after the module stay as they are, or copies of them are trained along'),
      moduleData: z
        .enum(['shared', 'disjoint'])
        .default('shared')
        .describe('training images of a module with a job of its own: all, or a part that no other module sees'),
      initialise: z
        .enum(['random', 'meta'])
        .default('random')
        .describe(
          "first values of a module with a job of its own: drawn, or those of its meta slice's blocks, in turn",
        ),
      ends: z
        .enum(['own', 'meta', 'frozen'])
        .default('own')
        .describe(
          "stem and head of a model with modules trained in jobs of their own: own: the first and the last module train theirs; meta: the meta model's, frozen until fine-tuning; frozen: also in fine-tuning",
        ),
      updates: z
        .enum(['synchronous', 'asynchronous'])
        .default('synchronous')
        .describe(
          'infopro, dgl, greedy: modules learn one after the other from each batch, or each in a process of its own without waiting for the others',
        ),
      replayBuffer: positiveInteger
        .default(30)
        .describe(
          'asynchronous updates: batches of which a module has what the one before it gives; 1: all are in step',
        ),
      imitation: z
        .strictObject({
          loss: z
            .enum(imitationLosses)
            .default('l1')
            .describe("imitation: distance between a module's output and its meta slice's"),
        })
        .prefault({}),
      infopro: z
        .strictObject({
          loss: z
            .enum(['softmax', 'contrast'])
            .default('softmax')
            .describe('InfoPro: loss of the local heads: cross-entropy, or supervised contrast without mixed images'),
          head: z
            .enum(['1c2f', '0c1f'])
            .default('1c2f')
            .describe(
              'InfoPro: local heads: a convolution or a block of the network and two linear layers, or one linear layer',
            ),
          reconstruction: schedule.describe(
            'InfoPro: λ1, weight of the reconstruction in the first and the last local loss; null: as published for so many modules',
          ),
          label: schedule.describe(
            'InfoPro: λ2, weight of the local head in the first and the last local loss; null: as published',
          ),
        })
        .prefault({}),
    })
    .prefault({}),
  data: dataSchema,
  training: z
    .strictObject({
      batchSize: positiveInteger.default(2048).describe('images, or sequences of text, per optimiser step'),
      accumulate: positiveInteger.default(1).describe('micro-batches a step is divided into'),
      referenceBatch: positiveInteger.nullable().default(512).describe('lr is scaled by batchSize / this; null: not'),
      recompute: z
        .boolean()
        .default(false)
        .describe(
          'activation checkpointing: compute blocks again in the backward pass instead of keeping their results',
        ),
      weightDecay: z.number().min(0).default(0.05).describe('decoupled weight decay of AdamW'),
      beta1: decay.default(0.9).describe('decay of the running mean of gradients (AdamW)'),
      beta2: decay.default(0.999).describe('decay of the running mean of squared gradients (AdamW)'),
      eps: z.number().positive().default(1e-8).describe('epsilon of AdamW'),
      precision: z
        .enum(precisions)
        .default('fp32')
        .describe('what matrix products and activations are computed in; parameters and optimiser are fp32'),
      labelSmoothing: fraction.default(0.1).describe('share of a label spread over all classes; 0: off'),
      mixup: z.number().min(0).default(0.8).describe('alpha of mixup; 0: off'),
      cutmix: z.number().min(0).default(1).describe('alpha of cutmix; 0: off'),
      mixProbability: fraction.default(1).describe('share of batches that are mixed'),
      mixSwitch: fraction.default(0.5).describe('share of mixed batches that use cutmix where both are on'),
      frozenSlices: z
        .enum(['eval', 'train'])
        .nullable()
        .default(null)
        .describe(
          'mode of frozen meta slices: whether paths are dropped, and batches normalised by their own statistics; null: train where incubation meets batch normalisation, else eval',
        ),
      evaluateEvery: positiveInteger.default(1).describe('epochs between evaluations; the last is always evaluated'),
    })
    .prefault({}),
  phases: z
    .strictObject({
      meta: phase({ epochs: 300, warmupEpochs: 20, dropPath: 0, clip: null }),
      incubate: phase({ epochs: 100, warmupEpochs: 20, dropPath: 0.1, clip: null }),
      finetune: phase({ epochs: 100, warmupEpochs: 0, dropPath: 0.1, clip: 1 }),
      train: phase({ epochs: 300, warmupEpochs: 20, dropPath: 0.1, clip: null }),
    })
    .prefault({}),
  checkpoint: z
    .strictObject({
      everySteps: positiveInteger.nullable().default(null).describe('also save within epochs, every so many steps'),
      keep: positiveInteger.default(2).describe('newest checkpoints kept per job'),
      keepBest: z
        .boolean()
        .default(true)
        .describe('also keep the checkpoint of the highest validation accuracy, of text of the lowest perplexity'),
    })
    .prefault({}),
  devices: z
    .strictObject({
      engine: z
        .enum(['auto', ...engineNames])
        .default('auto')
        .describe('what computes; auto: torch, cuda, tfjs or webgpu where they work on a GPU, otherwise cpu'),
      gpus: z
        .union([z.literal('auto'), z.literal('none'), z.array(z.union([z.int().min(0), z.string().min(1)])).min(1)])
        .default('auto')
        .describe('GPU indices or UUIDs to lease; auto: all visible'),
      jobsPerGpu: positiveInteger.default(1).describe('jobs that share a GPU'),
      slots: positiveInteger
        .nullable()
        .default(null)
        .describe('jobs at a time without GPU leases; null: one per core, at most K; with webgpu one'),
      threads: positiveInteger.nullable().default(null).describe('threads to divide; null: all cores'),
      cudaGraphs: z
        .enum(cudaGraphs)
        .default('auto')
        .describe('whether torch records steps on a GPU and replays them; auto: where it can'),
      releaseLimit: z
        .number()
        .min(0)
        .default(30)
        .describe('seconds to wait for the memory that a worker which was ended still holds on its GPU'),
    })
    .prefault({}),
  execution: z
    .strictObject({
      retries: z.int().min(0).default(2).describe('further attempts of a job that failed'),
      retryDelay: z.number().min(0).default(1).describe('seconds before the first retry; doubles each time'),
      stopGrace: z.number().positive().default(20).describe('seconds a worker may take to save and exit'),
      heartbeatLimit: seconds(2, 120).describe('seconds without a sign of life after which a worker is ended'),
      firstStepLimit: seconds(1, 7200).describe('seconds for loading, compiling and the first step; null: no limit'),
      stepLimit: seconds(1, 3600).describe(
        'seconds for a later step, or ten times the longest so far if that is more; null: no limit',
      ),
      onOutOfMemory: z
        .enum(['accumulate', 'retry'])
        .default('accumulate')
        .describe('what a job does that finds no memory: halve its micro-batches, or try again as it is'),
      onNonFinite: z
        .enum(['fail', 'skip', 'rollback'])
        .default('fail')
        .describe('what a job does whose loss is no finite number; skip also minds the gradient'),
      nonFiniteLimit: positiveInteger
        .default(5)
        .describe('steps that may be skipped in a row, or times that a job may go back'),
    })
    .prefault({}),
});

export type RunConfig = z.output<typeof runConfigSchema>;
export type PhaseName = keyof RunConfig['phases'];
export type PhaseConfig = RunConfig['phases'][PhaseName];
