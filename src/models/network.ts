import type { ModulePlan } from '../protocol/plan.ts';
import { type Architecture, countParameters, type ParameterSpec, type PartSpec } from './architecture.ts';
import type { AuxiliarySpec } from './auxiliary.ts';

/**
 * As `torch.nn.Module.training`: in `train` paths are dropped, and batches are normalised by statistics of their own, which the
 * running ones follow.
 */
export type Mode = 'train' | 'eval';

/** A part at its place in a network that may mix slices of the meta model and of the target. */
export interface NetworkPart {
  /** Which model the part comes from; its parameters' names are unique within that model. */
  readonly origin: 'meta' | 'target';
  readonly architecture: Architecture;
  readonly spec: PartSpec;
  readonly trainable: boolean;
  /** While it is trained, or others around it are. What is trainable is in `train`. */
  readonly mode: Mode;
}

/** Stem, blocks and head in the order in which they run. */
export type Network = readonly NetworkPart[];

/** What training has beside a network and evaluation does not: the head or decoder of a local loss. */
export interface AuxiliaryPart {
  readonly origin: 'auxiliary';
  /** The architecture whose features it takes. */
  readonly architecture: Architecture;
  readonly spec: AuxiliarySpec;
  readonly trainable: true;
  readonly mode: 'train';
}

/** Whatever has parameters of its own while something is trained. */
export type StatePart = NetworkPart | AuxiliaryPart;

/** A whole model that is trained end to end, or only its blocks where `frozenEnds` has the mode of its ends. */
export function wholeNetwork(architecture: Architecture, origin: NetworkPart['origin'], frozenEnds?: Mode): Network {
  const { stem, blocks, head } = architecture;
  return [stem, ...blocks, head].map((spec) =>
    spec.role === 'block' || !frozenEnds
      ? trainedPart(origin, architecture, spec)
      : frozenPart(origin, architecture, spec, frozenEnds),
  );
}

export interface HybridOptions {
  /** Whether the slices after the module are trained along. */
  readonly downstream?: 'frozen' | 'trained';
  /** Whether the first and the last module train a stem and a head of their own, or the meta model's stay frozen. */
  readonly ends?: 'own' | 'meta';
  /** The modes of what is frozen before and after the module. */
  readonly modes?: { readonly before: Mode; readonly after: Mode };
}

/**
 * The network in which module `index` is incubated: the target's slice, trainable, between the frozen slices of the
 * meta model that stand for all other modules (Deep Incubation, stage 2).
 */
export function hybridNetwork(
  target: Architecture,
  meta: Architecture,
  modules: readonly ModulePlan[],
  index: number,
  { downstream = 'frozen', ends = 'own', modes = { before: 'eval', after: 'eval' } }: HybridOptions = {},
): Network {
  const isKept = ({ role }: PartSpec) => role !== 'block' && ends === 'meta';
  return modules.flatMap((module) => {
    if (module.index !== index) {
      const isAfter = module.index > index;
      return slice(meta, metaModules(modules), module.index).map((spec) =>
        isAfter && downstream === 'trained' && !isKept(spec)
          ? trainedPart('meta', meta, spec)
          : frozenPart('meta', meta, spec, isAfter ? modes.after : modes.before),
      );
    }
    return slice(target, modules, index).map((spec) => {
      const { role } = spec;
      if (role === 'block' || !isKept(spec)) return trainedPart('target', target, spec);
      return frozenPart('meta', meta, meta[role], role === 'stem' ? modes.before : modes.after);
    });
  });
}

/** Module `index` of the target, to be trained. */
export function targetSlice(target: Architecture, modules: readonly ModulePlan[], index: number): Network {
  return slice(target, modules, index).map((spec) => trainedPart('target', target, spec));
}

/** The slice of the meta model that stands for module `index`, as in evaluation. */
export function metaSlice(meta: Architecture, modules: readonly ModulePlan[], index: number): Network {
  return slice(meta, metaModules(modules), index).map((spec) => frozenPart('meta', meta, spec, 'eval'));
}

/** The parts of one module: its blocks, with the stem in the first module and the head in the last. */
export function slice(architecture: Architecture, modules: readonly ModulePlan[], index: number): readonly PartSpec[] {
  const module = modules[index];
  if (!module) throw new RangeError(`no module ${index} among ${modules.length}`);
  const first = index === 0 ? [architecture.stem] : [];
  const last = index === modules.length - 1 ? [architecture.head] : [];
  return [...first, ...architecture.blocks.slice(module.from, module.to), ...last];
}

/** The division of the meta model that corresponds to a division of the target: slice i has `metaDepth` blocks. */
export function metaModules(modules: readonly ModulePlan[]): ModulePlan[] {
  let from = 0;
  return modules.map((module) => {
    const range = { ...module, from, to: from + module.metaDepth };
    from = range.to;
    return range;
  });
}

export function metaDepth(modules: readonly ModulePlan[]): number {
  return modules.reduce((sum, module) => sum + module.metaDepth, 0);
}

/** A parameter's name within a network: meta slices and modules may have parameters of the same name. */
export function parameterKey(part: Pick<StatePart, 'origin'>, parameter: Pick<ParameterSpec, 'name'>): string {
  return part.origin === 'target' ? parameter.name : `${part.origin}.${parameter.name}`;
}

/** The key of a parameter that is named as within its part: `attn.qkv.weight`, not `blocks.3.attn.qkv.weight`. */
export function keyWithin(part: StatePart, name: string): string {
  const isPrefixed = part.origin === 'auxiliary' || part.spec.role === 'block';
  return parameterKey(part, { name: isPrefixed ? `${part.spec.name}.${name}` : name });
}

/** How many parameters trainable and frozen parts have. */
export function parameterCounts(parts: readonly StatePart[]): { readonly trained: number; readonly frozen: number } {
  const count = (trainable: boolean) =>
    countParameters(parts.filter((part) => part.trainable === trainable).map(({ spec }) => spec));
  return { trained: count(true), frozen: count(false) };
}

/** The parameters and statistics of trainable or frozen parts, with names as in {@link parameterKey}. */
export function networkParameters(parts: readonly StatePart[], trainable: boolean): ParameterSpec[] {
  return parts
    .filter((candidate) => candidate.trainable === trainable)
    .flatMap((owner) => owner.spec.parameters.map((spec) => ({ ...spec, name: parameterKey(owner, spec) })));
}

function trainedPart(origin: NetworkPart['origin'], architecture: Architecture, spec: PartSpec): NetworkPart {
  return { origin, architecture, spec, trainable: true, mode: 'train' };
}

function frozenPart(
  origin: NetworkPart['origin'],
  architecture: Architecture,
  spec: PartSpec,
  mode: Mode,
): NetworkPart {
  return { origin, architecture, spec, trainable: false, mode };
}
