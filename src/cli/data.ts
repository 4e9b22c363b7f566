import { Command } from 'commander';
import { benchCommand } from './data-bench.ts';
import { inspectCommand } from './data-inspect.ts';
import { prepareCommand } from './data-prepare.ts';
import { shapesCommand } from './data-shapes.ts';

/** `incubate data`: looks at data sets, and makes them. */
export function dataCommand(): Command {
  return new Command('data')
    .description('inspect, prepare, measure and generate data sets')
    .addCommand(inspectCommand())
    .addCommand(prepareCommand())
    .addCommand(benchCommand())
    .addCommand(shapesCommand());
}
