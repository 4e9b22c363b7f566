import { type Command, Option } from 'commander';

export interface RunOptions {
  readonly runsDir: string;
  readonly json?: boolean;
}

/** The options of every command that works on runs. */
export function addRunOptions(command: Command, json: string): Command {
  return command
    .addOption(new Option('--runs-dir <directory>', 'where runs are kept').env('INCUBATE_RUNS_DIR').default('runs'))
    .option('--json', json);
}
