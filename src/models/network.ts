import type { ModulePlan } from '../protocol/plan.ts';
import type { HostTensors } from '../util/tensor.ts';
import { type Architecture, countParameters, type ParameterSpec, type PartSpec } from './architecture.ts';

/** A part at its place in a network that may mix slices of the meta model and of the target. */
export interface NetworkPart {
  /** Which model the part comes from; its parameters' names are unique within that model. */
  readonly origin: 'meta' | 'target';
  readonly architecture: Architecture;
  readonly spec: PartSpec;
  readonly trainable: boolean;
}

/** Stem, blocks and head in the order in which they run. */
export type Network = readonly NetworkPart[];

/** A whole model that is trained end to end, or only its blocks where its ends are frozen. */
export function wholeNetwork(
  architecture: Architecture,
  origin: NetworkPart['origin'],
  ends: 'trained' | 'frozen' = 'trained',
): Network {
  const { stem, blocks, head } = architecture;
  const trainable = ({ role }: PartSpec) => role === 'block' || ends === 'trained';
  return [stem, ...blocks, head].map((spec) => part(origin, architecture, spec, trainable(spec)));
}

/**
 * The network in which module `index` is incubated: the target's slice, trainable, between the frozen slices of the
 * meta model that stand for all other modules (Deep Incubation, stage 2).
 *
 * @param ends whether the first and the last module train a stem and a head of their own, or keep those of the meta model
 */
export function hybridNetwork(
  target: Architecture,
  meta: Architecture,
  modules: readonly ModulePlan[],
  index: number,
  ends: 'own' | 'meta' = 'own',
): Network {
  const trained = (spec: PartSpec) =>
    spec.role === 'block' || ends === 'own'
      ? part('target', target, spec, true)
      : part('meta', meta, meta[spec.role], false);
  return modules.flatMap((module) =>
    module.index === index
      ? slice(target, modules, index).map(trained)
      : slice(meta, metaModules(modules), module.index).map((spec) => part('meta', meta, spec, false)),
  );
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
export function parameterKey(part: NetworkPart, parameter: Pick<ParameterSpec, 'name'>): string {
  return part.origin === 'meta' ? `meta.${parameter.name}` : parameter.name;
}

/** The key of a parameter that is named as within its part: `attn.qkv.weight`, not `blocks.3.attn.qkv.weight`. */
export function keyWithin(part: NetworkPart, name: string): string {
  const prefix = part.spec.role === 'block' ? `${part.spec.name}.` : '';
  return parameterKey(part, { name: prefix + name });
}

/** The tensors of a whole network's stem and head, of the meta model's. */
export function endsOfMeta(network: Network, tensors: HostTensors): HostTensors {
  const specs = network.flatMap(({ spec }) => (spec.role === 'block' ? [] : spec.parameters));
  return Object.fromEntries(
    specs.flatMap(({ name }) => {
      const tensor = tensors[`meta.${name}`];
      return tensor ? [[name, tensor] as const] : [];
    }),
  );
}

/** How many parameters a network's trainable and frozen parts have. */
export function parameterCounts(network: Network): { readonly trained: number; readonly frozen: number } {
  const count = (trainable: boolean) =>
    countParameters(network.filter((part) => part.trainable === trainable).map(({ spec }) => spec));
  return { trained: count(true), frozen: count(false) };
}

/** The parameters and statistics of a network's trainable or frozen parts, with names as in {@link parameterKey}. */
export function networkParameters(network: Network, trainable: boolean): ParameterSpec[] {
  return network
    .filter((candidate) => candidate.trainable === trainable)
    .flatMap((owner) => owner.spec.parameters.map((spec) => ({ ...spec, name: parameterKey(owner, spec) })));
}

function part(
  origin: NetworkPart['origin'],
  architecture: Architecture,
  spec: PartSpec,
  trainable: boolean,
): NetworkPart {
  return { origin, architecture, spec, trainable };
}
