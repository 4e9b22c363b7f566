import { Argument, Command } from 'commander';
import { buildTorchAddon } from '../engine/torch/build.ts';

/** `incubate engine`: engines that are made on the machine that they compute on. */
export function engineCommand(): Command {
  return new Command('engine')
    .description('build engines that do not come with the package')
    .addCommand(buildCommand());
}

function buildCommand(): Command {
  return new Command('build')
    .description('compile an engine against what is installed here, try it, and keep it in the cache')
    .addArgument(new Argument('<engine>', 'the engine').choices(['torch']))
    .option('--force', 'build again what is there already')
    .action(async (_engine: string, { force = false }: { readonly force?: boolean }) => {
      const started = performance.now();
      const onProgress = (what: string) => process.stderr.write(`${what}\n`);
      const { isNew, addon, torch, origin } = await buildTorchAddon({ force, onProgress });
      const how = isNew ? `built in ${((performance.now() - started) / 1000).toFixed(1)} s` : 'built already';
      console.log(`torch ${torch} (${origin}): ${how}, ${addon}`);
    });
}
