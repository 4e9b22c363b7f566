import { Command } from 'commander';
import type { ResolvedConfig } from '../config/resolve.ts';
import { addConfigOptions, type ConfigOptions, configFromOptions } from './config-options.ts';

/** `incubate config`: prints the resolved configuration and where each value comes from. */
export function configCommand(): Command {
  const command = new Command('config')
    .description(
      'show the resolved configuration as YAML, with the origin of each value; the output is a valid file for --config.',
    )
    .option('--json', 'print {config, origins, recipe} as JSON');
  return addConfigOptions(command).action(async (options: ConfigOptions & { json?: boolean }) => {
    const resolved = await configFromOptions(options);
    process.stdout.write(options.json ? `${JSON.stringify(resolved, null, 2)}\n` : await configAsYaml(resolved));
  });
}

/** YAML with each value's origin as a comment behind it. */
export async function configAsYaml({ config, origins }: ResolvedConfig): Promise<string> {
  const { Document, isMap, isScalar, isSeq, visit } = await import('yaml');
  const document = new Document(config);
  visit(document, {
    Pair(_, { key, value }, ancestors) {
      if (isMap(value)) return;
      const names = ancestors.flatMap((node) => ('key' in node && isScalar(node.key) ? [String(node.key.value)] : []));
      const origin = origins[[...names, isScalar(key) ? String(key.value) : ''].join('.')];
      if (isSeq(value)) value.flow = true;
      if (isScalar(value) || isSeq(value)) value.comment = ` ${origin}`;
    },
  });
  return document.toString({ lineWidth: 0 });
}
