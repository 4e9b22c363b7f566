import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** An experiment of configs/experiments, a sweep over a matrix; paths are from the project's root. */
export interface Experiment {
  /** `vit24/methods`: its recipe, and what is varied. */
  readonly id: string;
  /** What the names of its runs begin with. */
  readonly name: string;
  /** What its runs have in common: of configs/experiments, or a bundled recipe. */
  readonly config: string;
  readonly matrix: string;
  /** Where small copies of its runs are kept. */
  readonly archive: string;
}

const folder = join('configs', 'experiments');

export const experiments: readonly Experiment[] = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name: recipe }) =>
    readdirSync(join(folder, recipe)).map((file) => experimentOf(recipe, file.replace(/\.yaml$/, ''))),
  );

function experimentOf(recipe: string, name: string): Experiment {
  const own = join(folder, `${recipe}.yaml`);
  return {
    id: `${recipe}/${name}`,
    name,
    config: existsSync(own) ? own : join('configs', `${recipe}.yaml`),
    matrix: join(folder, recipe, `${name}.yaml`),
    archive: join('docs', 'results', recipe, name, 'runs'),
  };
}

/** Names of the runs in a directory that may not be there. */
export function runsIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => existsSync(join(directory, name, 'run.json')));
}
