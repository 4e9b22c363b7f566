import { type Assigned, type Assignment, joinAssigned, levels } from './assignment.ts';
import { checkConfig } from './checks.ts';
import { assignFlags, assignSets } from './command-line.ts';
import { reconcileDivision } from './division.ts';
import { assignEnvironment } from './environment.ts';
import { throwProblems } from './problems.ts';
import { defaultRecipe, recipePath } from './recipes.ts';
import { type RunConfig, runConfigSchema } from './schema.ts';
import { settings } from './settings.ts';
import { assignFile, type ConfigFile, readConfigFile } from './yaml-file.ts';

/** Everything that may say something about a configuration, as texts. */
export interface ConfigSources {
  /** Flags for single settings, by option name (see `configFlags`). */
  readonly flags?: Readonly<Record<string, string | undefined>> | undefined;
  /** `key=value`, as given to `--set`. */
  readonly sets?: readonly string[] | undefined;
  /** Default: none, so that only who passes `process.env` depends on it. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly configFile?: string | undefined;
  readonly recipe?: string | undefined;
  /** What counts before all else: the settings of one run of a sweep. */
  readonly varied?: readonly Assignment[] | undefined;
}

export interface ResolvedConfig {
  readonly config: RunConfig;
  /** Where each setting's value comes from, by dotted path: `default`, `recipe shapes`, `--seed`, … */
  readonly origins: Readonly<Record<string, string>>;
  readonly recipe: string | null;
}

/**
 * The configuration of a run: flag > `INCUBATE_*` > configuration file > recipe > default.
 *
 * Throws CONFIG_FILE, CONFIG_SYNTAX or CONFIG_RECIPE where a source cannot be read; CONFIG_KEY for unknown names,
 * CONFIG_VALUE for wrong values and CONFIG_DIVISION for a division that contradicts itself; one error that lists all
 * problems where there are several.
 */
export async function resolveConfig(sources: ConfigSources): Promise<ResolvedConfig> {
  const { assigned, recipe } = await assignSources(sources, defaultRecipe);
  const { assignments, problems } = assigned;
  const chosen = choose(assignments);
  const conflicts = reconcileDivision(chosen);
  const config = buildConfig([...chosen.values()]);
  throwProblems([...problems, ...conflicts, ...checkConfig(config)]);
  const origins = [...settings.keys()].map((key) => [key, chosen.get(key)?.origin ?? 'default']);
  return { config, origins: Object.fromEntries(origins), recipe };
}

/**
 * A configuration with what a file and `--set` say in place of its own values; all other settings stay. Throws as
 * {@link resolveConfig}.
 */
export async function overrideConfig(
  base: RunConfig,
  { configFile, sets }: Pick<ConfigSources, 'configFile' | 'sets'>,
): Promise<RunConfig> {
  const { assigned } = await assignSources({ configFile, sets }, null);
  const chosen = choose(assigned.assignments);
  const conflicts = reconcileDivision(chosen);
  const config = buildConfig([...chosen.values()], base);
  throwProblems([...assigned.problems, ...conflicts, ...checkConfig(config)]);
  return config;
}

/** What all sources assign. @param standard the recipe where neither a recipe nor a file is named */
async function assignSources(
  sources: ConfigSources,
  standard: string | null,
): Promise<{ readonly assigned: Assigned; readonly recipe: string | null }> {
  const { configFile } = sources;
  const file = configFile === undefined ? undefined : await readConfigFile(configFile);
  const recipe = chooseRecipe(sources, file, standard);
  const recipeFile = recipe === null ? undefined : await readConfigFile(recipePath(recipe));
  const assigned = joinAssigned([
    recipeFile ? assignFile(recipeFile, `recipe ${recipe}`, 'recipe') : nothing,
    file
      ? assignFile(file, `file ${configFile}`, 'file', typeof recipeKey(file) === 'string' ? ['recipe'] : [])
      : nothing,
    assignEnvironment(sources.env ?? {}),
    assignSets(sources.sets ?? []),
    assignFlags(sources.flags ?? {}),
    { assignments: sources.varied ?? [], problems: [] },
  ]);
  return { assigned, recipe };
}

const nothing: Assigned = { assignments: [], problems: [] };

function chooseRecipe(
  { recipe, configFile }: ConfigSources,
  file: ConfigFile | undefined,
  standard: string | null,
): string | null {
  if (recipe !== undefined) return recipe;
  const named = recipeKey(file);
  if (typeof named === 'string') return named;
  return configFile === undefined ? standard : null;
}

function recipeKey(file: ConfigFile | undefined): unknown {
  const content = file?.content;
  return typeof content === 'object' && content !== null && 'recipe' in content ? content.recipe : undefined;
}

/** Of several assignments of a setting the last of the highest level counts; they come in that order. */
function choose(assignments: readonly Assignment[]): Map<string, Assignment> {
  const ordered = [...assignments].sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level));
  return new Map(ordered.map((assignment) => [assignment.key, assignment]));
}

/** Each value has been checked by its own schema, so together they are valid. */
function buildConfig(assignments: readonly Assignment[], base: Readonly<Record<string, unknown>> = {}): RunConfig {
  const root: Record<string, unknown> = structuredClone(base);
  for (const { key, value } of assignments) {
    const path = key.split('.');
    const name = path.pop() as string;
    let section = root;
    for (const part of path) {
      section[part] ??= {};
      section = section[part] as Record<string, unknown>;
    }
    section[name] = value;
  }
  return runConfigSchema.parse(root);
}
