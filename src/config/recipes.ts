import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IncubateError } from '../util/errors.ts';
import { suggestion } from '../util/nearest.ts';

/** The recipe of a run that names neither a recipe nor a configuration file. */
export const defaultRecipe = 'shapes';

/** Names of the recipes that come with the package. */
export function recipeNames(): string[] {
  return readdirSync(recipesDirectory())
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/** Throws CONFIG_RECIPE naming the nearest recipe. */
export function recipePath(name: string): string {
  const names = recipeNames();
  if (names.includes(name)) return join(recipesDirectory(), `${name}.yaml`);
  throw new IncubateError('CONFIG_RECIPE', `there is no recipe '${name}'`, {
    hint: `${suggestion(name, names)} A file of your own is given with --config.`,
  });
}

/** `configs/` lies at the root of the package; the compiled files lie one directory deeper than the sources. */
function recipesDirectory(): string {
  const found = ['../../configs', '../../../configs']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(path));
  if (found) return found;
  throw new IncubateError('ENVIRONMENT_INSTALL', 'the directory of recipes, configs/, is missing', {
    hint: 'Install incubate again.',
  });
}
