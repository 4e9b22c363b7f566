import { readSafetensors } from '../checkpoint/safetensors.ts';
import { outputsOf } from '../data/identity.ts';
import { openSamples } from '../data/samples.ts';
import { openEngine } from '../engine/engines.ts';
import { wholeNetwork } from '../models/network.ts';
import { assertModelReads, buildArchitecture } from '../models/registry.ts';
import type { EvaluateReply, EvaluateRequest } from '../protocol/evaluate.ts';
import { createEvaluator } from '../training/evaluate.ts';
import { layoutsOf, parameterState } from '../training/network-layouts.ts';

/**
 * Evaluates a weights file of a whole target network on the validation images, or text, of the configured data set.
 *
 * @throws CHECKPOINT_FILE or CHECKPOINT_PARAMETER where the file does not hold the configured model's weights.
 */
export async function evaluateWeights(request: EvaluateRequest): Promise<EvaluateReply> {
  const { config, weights, threads } = request;
  const { tensors } = await readSafetensors(weights);
  assertModelReads(config);
  const dataset = await openSamples(config);
  const network = wholeNetwork(buildArchitecture(config.model, outputsOf(dataset.identity)), 'target');
  const parameters = parameterState(layoutsOf(network), tensors);
  const engine = await openEngine({ engine: request.engine, threads, cudaGraphs: config.devices.cudaGraphs });
  const evaluator = await createEvaluator(engine, 'eval', network, config, dataset.validation);
  let damaged = 0;
  const evaluation = await evaluator.evaluate(engine.createState(parameters), dataset.validation, (images) => {
    damaged += images.length;
  });
  const { classes, tokens } = dataset.identity;
  if (tokens) return { ...evaluation, tokens: tokens.validation - 1, vocabulary: tokens.vocabulary };
  const images = dataset.validation.length - damaged;
  return { ...evaluation, images, classes: [...classes], ...(damaged > 0 ? { damaged } : {}) };
}
