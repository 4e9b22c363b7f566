import type { ModulePlan } from '../protocol/plan.ts';
import { IncubateError } from '../util/errors.ts';
import { suggestion } from '../util/nearest.ts';
import { type Architecture, countMacs, countParameters, partsOf } from './architecture.ts';
import type { AuxiliaryPlace } from './auxiliary.ts';
import type { Family, ModelConfig, ModelSetting } from './family.ts';
import type { AuxiliaryPart } from './network.ts';
import { resnetFamily } from './resnet/family.ts';
import { vitFamily } from './vit/family.ts';

/** Every family by the name that its architectures carry; `forward.ts` has their forward functions. */
const families: Readonly<Record<string, Family>> = { vit: vitFamily, resnet: resnetFamily };

/** Names of all models that are known by name. */
export function modelNames(): string[] {
  return Object.values(families).flatMap(({ names }) => names);
}

/**
 * The architecture that a configuration describes: a named size with the configuration's own values in place of the
 * named ones.
 *
 * @throws CONFIG_MODEL for an unknown name, settings of another family, or dimensions that do not fit together.
 */
export function buildArchitecture(model: ModelConfig, classes: number): Architecture {
  const all = Object.values(families);
  const family = all.find(({ names }) => names.includes(model.name));
  if (!family) {
    const hint = suggestion(model.name, modelNames());
    throw new IncubateError('CONFIG_MODEL', `unknown model '${model.name}'`, { hint });
  }
  checkSettings(model, family, all);
  return family.build(model, classes);
}

/**
 * The meta model of a division of the target: slice i has the interfaces of the target's slice i and `metaDepth` blocks.
 *
 * @param width of what is within its blocks, relative to the target's
 */
export function metaArchitecture(target: Architecture, modules: readonly ModulePlan[], width = 1): Architecture {
  return familyOf(target).metaArchitecture(target, modules, width);
}

/**
 * The part that a local loss puts on a block's output.
 *
 * @throws CONFIG_MODEL where the model's family has none.
 */
export function auxiliaryPart(target: Architecture, place: AuxiliaryPlace): AuxiliaryPart {
  const family = familyOf(target);
  if (!family.auxiliary) {
    const able = Object.values(families).filter(({ auxiliary }) => auxiliary !== undefined);
    throw new IncubateError('CONFIG_MODEL', `${family.title} cannot be trained by losses of their modules' own`, {
      hint: `Choose another --method; ${able.map(({ title }) => title).join(' and ')} can.`,
    });
  }
  const spec = family.auxiliary(target, place);
  return { origin: 'auxiliary', architecture: target, spec, trainable: true };
}

function familyOf({ family: name }: Architecture): Family {
  const family = families[name];
  if (!family) throw new RangeError(`there is no family ${name}`);
  return family;
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

/** Throws CONFIG_MODEL where settings are given that have a meaning in other families only. */
function checkSettings(model: ModelConfig, { title, settings }: Family, all: readonly Family[]): void {
  const known = new Set<ModelSetting>(all.flatMap((family) => family.settings));
  const foreign = [...known].filter((setting) => model[setting] !== null && !settings.includes(setting));
  if (foreign.length === 0) return;
  const names = foreign.map((setting) => `model.${setting}`).join(', ');
  throw new IncubateError('CONFIG_MODEL', `${title} such as ${model.name} have no ${names}`, {
    hint: `Leave ${foreign.length === 1 ? 'it' : 'them'} out, or set ${names} to null where a recipe or file has a value; ${title} take ${settings.map((setting) => `model.${setting}`).join(' and ')}.`,
  });
}
