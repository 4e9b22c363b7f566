import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Architecture } from '../../../src/models/architecture.ts';
import { evaluationContext } from '../../../src/models/forward.ts';
import { networkParameters, wholeNetwork } from '../../../src/models/network.ts';
import { buildArchitecture } from '../../../src/models/registry.ts';
import { runNetwork } from '../../../src/models/run-network.ts';
import { flatten, layoutOf, splitParameters } from '../../../src/training/layout.ts';
import { randomStream } from '../../../src/util/random.ts';
import { type HostTensors, int32 } from '../../../src/util/tensor.ts';
import { plainGpt, plainRecurrent } from '../../support/plain-language.ts';
import { randomWeights } from '../../support/random-weights.ts';

const VOCABULARY = 11;
const BATCH = 2;

const weightsOf = (architecture: Architecture) => randomWeights(architecture, (normal) => 0.3 * normal);

function tokensOf(context: number, changed: readonly number[] = []): Int32Array {
  const { integer } = randomStream(2, 'tokens');
  return Int32Array.from({ length: BATCH * context }, (_, at) => {
    const token = integer(VOCABULARY);
    return changed.includes(at % context) ? (token + 1) % VOCABULARY : token;
  });
}

/** The logits [sequence][step][token] of a configured network with given weights. */
async function logitsOf(
  settings: object,
  weightsOf: (architecture: Architecture) => HostTensors,
  tokens: Int32Array,
  open: () => Promise<ReturnType<typeof createOnnxEngine>>,
): Promise<number[][][]> {
  const architecture = buildArchitecture(runConfigSchema.parse({ model: settings }).model, VOCABULARY);
  const network = wholeNetwork(architecture, 'target');
  const layout = layoutOf(networkParameters(network, true));
  const context = tokens.length / BATCH;
  const engine = await open();
  const executable = await engine.compile({
    name: 'forward',
    state: { parameters: { dtype: 'float32', shape: [layout.size] } },
    feeds: { tokens: { dtype: 'int32', shape: [BATCH, context] } },
    body({ parameters }, feeds) {
      const tensors = splitParameters(layout, parameters as tf.Tensor);
      const logits = runNetwork(network, feeds.tokens as tf.Tensor, tensors, () => evaluationContext);
      return { state: {}, outputs: { logits } };
    },
  });
  const state = engine.createState({ parameters: flatten(layout, weightsOf(architecture)) });
  const { logits } = await executable.run(state, { tokens: int32(tokens, [BATCH, context]) });
  expect(logits?.shape).toEqual([BATCH, context, VOCABULARY]);
  const data = [...(logits?.data ?? [])];
  const rows = Array.from({ length: BATCH * context }, (_, row) =>
    data.slice(row * VOCABULARY, (row + 1) * VOCABULARY),
  );
  return Array.from({ length: BATCH }, (_, sequence) => rows.slice(sequence * context, (sequence + 1) * context));
}

const engines: [string, () => Promise<ReturnType<typeof createOnnxEngine>>][] = [
  ['cpu', async () => createOnnxEngine({ threads: 1 })],
  ['tfjs-cpu', () => createEagerEngine('cpu')],
];
const variants = [
  { name: 'gpt-nano', width: 6, depth: 2, heads: 3, context: 5 },
  { name: 'gpt-small', width: 4, depth: 1, heads: 1, mlpRatio: 2.5, layerNormEps: 1e-2, context: 1 },
  { name: 'lstm', width: 5, depth: 2, context: 6 },
  { name: 'lstm', width: 3, depth: 1, context: 1 },
  { name: 'gru', width: 5, depth: 2, context: 6 },
  { name: 'gru', width: 3, depth: 1, context: 1 },
];

describe.each(engines)('a language model on the engine %s', (_, open) => {
  it.each(variants.map((settings) => [settings.name, settings] as const))(
    '%s equals loops over single numbers (%o)',
    async (name, settings) => {
      const tokens = tokensOf(settings.context);
      let weights: HostTensors = {};
      const keep = (architecture: Architecture) => (weights = weightsOf(architecture));
      const logits = await logitsOf(settings, keep, tokens, open);
      const {
        depth,
        heads = 1,
        layerNormEps: eps = 1e-5,
      } = settings as typeof settings & { heads?: number; layerNormEps?: number };
      for (let sequence = 0; sequence < BATCH; sequence++) {
        const given = [...tokens.subarray(sequence * settings.context, (sequence + 1) * settings.context)];
        const isRecurrent = name === 'lstm' || name === 'gru';
        const plain = isRecurrent ? plainRecurrent(weights, { cell: name }) : plainGpt(weights, { heads, eps });
        const blocks = Array.from({ length: depth }, (_, index) => (isRecurrent ? `rnn.${index}` : `h.${index}`));
        const expected = plain.head(blocks.reduce(plain.block, plain.stem(given)));
        const scale = Math.max(1, ...expected.flat().map(Math.abs));
        for (const [step, row] of expected.entries())
          for (const [token, value] of row.entries())
            expect(Math.abs((logits[sequence]?.[step]?.[token] as number) - value)).toBeLessThan(1e-4 * scale);
      }
    },
  );
});

it.each(['gpt-nano', 'lstm', 'gru'])(
  '%s: what comes later changes no earlier logits, to the last bit',
  async (name) => {
    const settings = { name, width: 6, depth: 3, ...(name === 'gpt-nano' && { heads: 2 }), context: 8 };
    const [open] = engines.map(([, engine]) => engine) as [(typeof engines)[number][1]];
    const before = await logitsOf(settings, weightsOf, tokensOf(8), open);
    const after = await logitsOf(settings, weightsOf, tokensOf(8, [5, 7]), open);
    for (let sequence = 0; sequence < BATCH; sequence++) {
      expect(after[sequence]?.slice(0, 5)).toEqual(before[sequence]?.slice(0, 5));
      for (const step of [5, 6, 7]) expect(after[sequence]?.[step]).not.toEqual(before[sequence]?.[step]);
    }
  },
);
