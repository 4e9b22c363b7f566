import type { Graph, Value } from '../graph.ts';

/** Whether a value broadcasts to an image [B, H, W, C] along its channels alone. */
export function isPerChannel({ shape }: Value, image: Value): boolean {
  const channels = image.shape[3] as number;
  return channels > 1 && shape.at(-1) === channels && shape.slice(0, -1).every((extent) => extent === 1);
}

/** How often values are needed, by identifier. */
export function countUses({ nodes, nextState, outputs }: Graph): ReadonlyMap<number, number> {
  const uses = new Map<number, number>();
  for (const { id } of [...nodes.flatMap(({ inputs }) => inputs), ...nextState.values(), ...outputs.values()])
    uses.set(id, (uses.get(id) ?? 0) + 1);
  return uses;
}

/** The identifiers of all values, of which there may be none. */
export function identifiersOf({ state, feeds, constants, nodes }: Graph): number[] {
  const given = [...state.values(), ...feeds.values(), ...[...constants.values()].map(({ value }) => value)];
  return [-1, ...[...given, ...nodes.flatMap(({ outputs }) => outputs)].map(({ id }) => id)];
}
