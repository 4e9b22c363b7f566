import { type PartSpec, partsOf } from '../models/architecture.ts';
import { metaModules, slice } from '../models/network.ts';
import { IncubateError } from '../util/errors.ts';
import type { MethodRun } from './method.ts';
import { metaOf } from './whole.ts';

/** Which parameter of the meta model each parameter of a module begins as; both by key. */
export function sliceCopies(run: MethodRun, index: number): ReadonlyMap<string, string> {
  const isOwn = ({ role }: PartSpec) => role === 'block' || run.config.method.ends === 'own';
  const module = slice(run.target, run.modules, index).filter(isOwn);
  return copies(module, slice(metaOf(run), metaModules(run.modules), index));
}

/** Which parameter of the meta model each parameter of the target begins as; both by key. */
export function modelCopies(run: MethodRun): ReadonlyMap<string, string> {
  return copies(partsOf(run.target), partsOf(metaOf(run)));
}

/**
 * Stem and head as they are; of the blocks that have the same parameters in the same shapes, each the next one of the
 * source, and after its last the first again.
 *
 * @throws CONFIG_DIVISION naming a block that none of the source is like
 */
function copies(parts: readonly PartSpec[], sources: readonly PartSpec[]): ReadonlyMap<string, string> {
  const taken = new Map<string, number>();
  return new Map(
    parts.flatMap((part) => {
      const kind = kindOf(part);
      const alike = sources.filter((source) => kindOf(source) === kind);
      const count = taken.get(kind) ?? 0;
      taken.set(kind, count + 1);
      const source = alike[count % alike.length];
      if (!source) {
        throw new IncubateError(
          'CONFIG_DIVISION',
          `${part.name} has no block in the meta model that it could begin as`,
          {
            hint: 'Give the meta slices a block of each kind with division.metaDepths, at least 2 where a slice changes stride or width.',
          },
        );
      }
      return part.parameters.map(({ name }, at): [string, string] => [
        name,
        `meta.${(source.parameters[at] as { name: string }).name}`,
      ]);
    }),
  );
}

/** The role of a part, and the shapes of its parameters, which come in an order. */
function kindOf({ role, name, parameters }: PartSpec): string {
  const within = (parameter: string) => (role === 'block' ? parameter.slice(name.length) : parameter);
  return `${role} ${parameters.map((parameter) => `${within(parameter.name)} [${parameter.shape}]`)}`;
}
