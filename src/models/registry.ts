import { readsText } from '../config/data-formats.ts';
import type { RunConfig } from '../config/schema.ts';
import type { ModulePlan } from '../protocol/plan.ts';
import { IncubateError } from '../util/errors.ts';
import { suggestion } from '../util/nearest.ts';
import { type Architecture, countMacs, countParameters, partsOf } from './architecture.ts';
import type { AuxiliaryPlace } from './auxiliary.ts';
import type { Family, ModelConfig, ModelSetting } from './family.ts';
import { gptFamily } from './gpt/family.ts';
import type { AuxiliaryPart } from './network.ts';
import { recurrentFamily } from './recurrent/family.ts';
import { resnetFamily } from './resnet/family.ts';
import { vitFamily } from './vit/family.ts';

/** Every family by the name that its architectures carry; `forward.ts` has their forward functions. */
const families: Readonly<Record<string, Family>> = {
  vit: vitFamily,
  resnet: resnetFamily,
  gpt: gptFamily,
  recurrent: recurrentFamily,
};

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
export function buildArchitecture(model: ModelConfig, outputs: number): Architecture {
  const family = familyNamed(model);
  checkSettings(model, family, Object.values(families));
  return family.build(model, outputs);
}

/** Throws CONFIG_MODEL where the model is unknown, or is one of text and the data are images, or the other way round. */
export function assertModelReads({ model, data }: Pick<RunConfig, 'model' | 'data'>): void {
  const { reads, title } = familyNamed(model);
  if (readsText({ data }) === (reads === 'text')) return;
  const others = Object.values(families).flatMap((family) => (family.reads === reads ? [] : family.names));
  throw new IncubateError(
    'CONFIG_MODEL',
    `${title} such as ${model.name} read ${reads}, but data.format is ${data.format}`,
    {
      hint:
        reads === 'text'
          ? `Set data.format to text, or choose with --model one of images: ${others.join(', ')}.`
          : `Leave data.format=text out, or choose with --model one of text: ${others.join(', ')}.`,
    },
  );
}

/**
 * Whether a model normalises by batches while it is trained, and so has running statistics.
 *
 * @throws CONFIG_MODEL for an unknown name.
 */
export function hasStatistics(model: ModelConfig): boolean {
  return familyNamed(model).hasStatistics;
}

/** Throws CONFIG_MODEL for an unknown name. */
function familyNamed({ name }: ModelConfig): Family {
  const family = Object.values(families).find(({ names }) => names.includes(name));
  if (family) return family;
  throw new IncubateError('CONFIG_MODEL', `unknown model '${name}'`, { hint: suggestion(name, modelNames()) });
}

/**
 * The meta model of a division of the target: slice i has the interfaces of the target's slice i and `metaDepth` blocks.
 *
 * @param width of what is within its blocks, relative to the target's
 */
export function metaArchitecture(target: Architecture, modules: readonly ModulePlan[], width = 1): Architecture {
  return familyOf(target).metaArchitecture(target, modules, width);
}

/** The part that a local loss puts on a block's output. */
export function auxiliaryPart(target: Architecture, place: AuxiliaryPlace): AuxiliaryPart {
  const spec = familyOf(target).auxiliary(target, place);
  return { origin: 'auxiliary', architecture: target, spec, trainable: true, mode: 'train' };
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
  /** Multiply-adds of each block's forward pass for one image, or sequence. */
  readonly blockCosts: readonly number[];
  /** The same of the whole forward pass. */
  readonly macs: number;
  readonly parameters: number;
}

/** @throws CONFIG_MODEL as {@link buildArchitecture}. */
export function describeModel(model: ModelConfig, outputs: number): ModelDescription {
  const architecture = buildArchitecture(model, outputs);
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
