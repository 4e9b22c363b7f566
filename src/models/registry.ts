import type { RunConfig } from '../config/schema.ts';
import { IncubateError } from '../util/errors.ts';
import { suggestion } from '../util/nearest.ts';
import { type Architecture, countMacs, countParameters, partsOf } from './architecture.ts';
import { vitArchitecture, vitShapes } from './vit/architecture.ts';

type ModelConfig = RunConfig['model'];

/**
 * The architecture that a configuration describes: a named size with the configuration's own values in place of the
 * named ones. `depth` overrides both, which is how meta models are made.
 *
 * @throws CONFIG_MODEL for an unknown name or dimensions that do not fit together.
 */
export function buildArchitecture(model: ModelConfig, classes: number, depth?: number): Architecture {
  const named = vitShapes[model.name];
  if (!named) {
    throw new IncubateError('CONFIG_MODEL', `unknown model '${model.name}'`, {
      hint: suggestion(model.name, Object.keys(vitShapes)),
    });
  }
  return vitArchitecture({
    width: model.width ?? named.width,
    depth: depth ?? model.depth ?? named.depth,
    heads: model.heads ?? named.heads,
    mlpRatio: model.mlpRatio ?? named.mlpRatio,
    patch: model.patch ?? named.patch,
    qkvBias: model.qkvBias ?? named.qkvBias,
    layerNormEps: model.layerNormEps ?? named.layerNormEps,
    imageSize: model.imageSize,
    channels: model.channels,
    classes,
  });
}

/** What planning needs to know of a model. */
export interface ModelDescription {
  readonly name: string;
  readonly depth: number;
  /** Multiply-adds of each block's forward pass for one image. */
  readonly blockCosts: readonly number[];
  /** Multiply-adds of the whole forward pass for one image. */
  readonly macs: number;
  readonly parameters: number;
}

/** @throws CONFIG_MODEL as {@link buildArchitecture}. */
export function describeModel(model: ModelConfig, classes: number): ModelDescription {
  const architecture = buildArchitecture(model, classes);
  const parts = partsOf(architecture);
  return {
    name: model.name,
    depth: architecture.blocks.length,
    blockCosts: architecture.blocks.map(({ macs }) => macs),
    macs: countMacs(parts),
    parameters: countParameters(parts),
  };
}
