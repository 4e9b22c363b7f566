import { type Command, Option } from 'commander';

export interface RunOptions {
  readonly runsDir: string;
  readonly json?: boolean;
  /** Only of commands that have {@link eventsOption}. */
  readonly events?: boolean;
}

/** The options of every command that works on runs and can print a document. */
export function addRunOptions(command: Command, json: string): Command {
  return command.addOption(runsDirOption()).option('--json', json);
}

export function runsDirOption(): Option {
  return new Option('--runs-dir <directory>', 'where runs are kept').env('INCUBATE_RUNS_DIR').default('runs');
}

/** The option of commands that carry out a run. */
export function eventsOption(): Option {
  return new Option('--events', 'print the events of the run as they come, one JSON document a line').conflicts('json');
}
