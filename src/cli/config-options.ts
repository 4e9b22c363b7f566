import { type Command, Option } from 'commander';
import type { Assignment } from '../config/assignment.ts';
import { configFlags } from '../config/flags.ts';
import type { ResolvedConfig } from '../config/resolve.ts';

/** What commander hands to the action of a command with configuration options, besides the command's own. */
export type ConfigOptions = Readonly<Record<string, unknown>> & {
  readonly config?: string;
  readonly recipe?: string;
  readonly set?: readonly string[];
};

/** Gives a command the options that every command with a configuration takes. */
export function addConfigOptions(command: Command): Command {
  const heading = 'Configuration:';
  const options = [
    new Option('--recipe <name>', 'bundled recipe to start from (default: shapes)'),
    new Option('-c, --config <file>', 'YAML file with settings'),
    ...configFlags.map(({ flag, argument, description }) => new Option(`${flag} ${argument}`, description)),
    new Option('--set <key=value>', 'any other setting, such as training.mixup=0.2; repeatable').argParser(
      (value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value],
    ),
  ];
  for (const option of options) command.addOption(option.helpGroup(heading));
  return command;
}

/**
 * The configuration that a command's options, the environment, files and recipes amount to.
 *
 * @param varied settings that count before all of them
 *
 * Throws what `resolveConfig` throws.
 */
export async function configFromOptions(
  options: ConfigOptions,
  env: NodeJS.ProcessEnv = process.env,
  varied: readonly Assignment[] = [],
): Promise<ResolvedConfig> {
  // Imported here, as zod and yaml would slow `--help` down.
  const { resolveConfig } = await import('../config/resolve.ts');
  const flags = Object.fromEntries(
    configFlags.flatMap(({ name }) => {
      const value = options[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
  return resolveConfig({ flags, env, configFile: options.config, recipe: options.recipe, sets: options.set, varied });
}
