import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { IncubateError } from '../util/errors.ts';
import { suggestion } from '../util/nearest.ts';
import { packagePath } from '../util/package.ts';

/** The recipe of a run that names neither a recipe nor a configuration file. */
export const defaultRecipe = 'shapes';

/** Names of the recipes that come with the package. */
export function recipeNames(): string[] {
  return readdirSync(packagePath('configs'))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/** Throws CONFIG_RECIPE naming the nearest recipe. */
export function recipePath(name: string): string {
  const names = recipeNames();
  if (names.includes(name)) return join(packagePath('configs'), `${name}.yaml`);
  throw new IncubateError('CONFIG_RECIPE', `there is no recipe '${name}'`, {
    hint: `${suggestion(name, names)} A file of your own is given with --config.`,
  });
}
