import type { ModulePlan } from '../../protocol/plan.ts';
import { smallestLargestSum } from '../divide.ts';
import { isTransition, type ResidualBlock, type ResnetShape, strided } from './shape.ts';

/** Consecutive blocks, of which a meta model has one or more in their place. */
type Run = readonly ResidualBlock[];

/**
 * The meta model of a residual network: slice i takes and gives what the target's slice i does, with `metaDepth` blocks.
 *
 * Where stride or width change within a module, a block of the slice changes them. Of several such places each has a block
 * of its own as far as there are enough; otherwise neighbours share one, of their combined stride.
 */
export function metaShape(target: ResnetShape, modules: readonly ModulePlan[]): ResnetShape {
  const blocks = modules.flatMap(({ from, to, metaDepth }) => metaSlice(target.blocks.slice(from, to), metaDepth));
  return { ...target, blocks: named(blocks) };
}

function metaSlice(blocks: Run, depth: number): ResidualBlock[] {
  const runs = grouped(runsOf(blocks), depth);
  const depths = allot(
    runs.map(({ length }) => length),
    depth,
  );
  return runs.flatMap((run, index) => {
    const joined = join(run);
    const { name, outputs } = joined;
    const inner = { name, inputs: outputs, outputs, stride: 1, side: strided(joined.side, joined.stride) };
    return Array.from({ length: depths[index] as number }, (_, block) => (block === 0 ? joined : inner));
  });
}

/** Blocks divided before every transition. */
function runsOf(blocks: Run): Run[] {
  const runs: ResidualBlock[][] = [];
  for (const block of blocks) {
    if (runs.length === 0 || isTransition(block)) runs.push([]);
    runs.at(-1)?.push(block);
  }
  return runs;
}

/** Runs joined with their neighbours, as evenly as possible, until there are at most `count`. */
function grouped(runs: readonly Run[], count: number): Run[] {
  if (runs.length <= count) return [...runs];
  let from = 0;
  const lengths = runs.map(({ length }) => length);
  return smallestLargestSum(lengths, count).map((taken) => {
    from += taken;
    return runs.slice(from - taken, from).flat();
  });
}

/** One block that stands for a run. */
function join(run: Run): ResidualBlock {
  const [first, last] = [run[0] as ResidualBlock, run.at(-1) as ResidualBlock];
  const stride = run.reduce((product, block) => product * block.stride, 1);
  return { name: last.name, inputs: first.inputs, outputs: last.outputs, stride, side: first.side };
}

/** `depth` shared out in proportion to lengths, at least one each (D'Hondt). */
function allot(lengths: readonly number[], depth: number): number[] {
  const shares = lengths.map(() => 1);
  for (let given = shares.length; given < depth; given++) {
    const claims = lengths.map((length, index) => length / ((shares[index] as number) + 1));
    const largest = claims.indexOf(Math.max(...claims));
    shares[largest] = (shares[largest] as number) + 1;
  }
  return shares;
}

/** Blocks with torchvision's names: the stage of what they give, and their index in it. */
function named(blocks: readonly ResidualBlock[]): ResidualBlock[] {
  const counts = new Map<string, number>();
  return blocks.map((block) => {
    const stage = block.name.split('.', 1)[0] as `layer${number}`;
    const index = counts.get(stage) ?? 0;
    counts.set(stage, index + 1);
    return { ...block, name: `${stage}.${index}` };
  });
}
