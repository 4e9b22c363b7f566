import type { Command } from 'commander';

/** A command as the program's help shows it; its file is imported only when the command is used. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  {
    name: 'train',
    summary: 'train a model by Deep Incubation',
    load: async () => (await import('./train.ts')).trainCommand(),
  },
  {
    name: 'resume',
    summary: 'continue a run that was stopped or failed',
    load: async () => (await import('./resume.ts')).resumeCommand(),
  },
  {
    name: 'sweep',
    summary: 'carry out runs for all combinations of settings',
    load: async () => (await import('./sweep.ts')).sweepCommand(),
  },
  {
    name: 'status',
    summary: 'show how a run is doing, or list all runs',
    load: async () => (await import('./status.ts')).statusCommand(),
  },
  {
    name: 'logs',
    summary: 'print what the workers of a run wrote',
    load: async () => (await import('./logs.ts')).logsCommand(),
  },
  {
    name: 'compare',
    summary: 'compare what runs reached and what it cost',
    load: async () => (await import('./compare.ts')).compareCommand(),
  },
  {
    name: 'plan',
    summary: 'show what a run would do and cost, without training',
    load: async () => (await import('./plan.ts')).planCommand(),
  },
  {
    name: 'eval',
    summary: 'evaluate the weights of a run or file',
    load: async () => (await import('./eval.ts')).evalCommand(),
  },
  {
    name: 'config',
    summary: 'show the resolved configuration and where each value comes from',
    load: async () => (await import('./config.ts')).configCommand(),
  },
  {
    name: 'clean',
    summary: 'remove checkpoints of completed runs, or whole runs',
    load: async () => (await import('./clean.ts')).cleanCommand(),
  },
  {
    name: 'data',
    summary: 'inspect, prepare, measure and generate data sets',
    load: async () => (await import('./data.ts')).dataCommand(),
  },
  {
    name: 'engine',
    summary: 'build engines that do not come with the package',
    load: async () => (await import('./engine.ts')).engineCommand(),
  },
  {
    name: 'doctor',
    summary: 'show what this machine offers and which engine would be used',
    load: async () => (await import('./doctor.ts')).doctorCommand(),
  },
  {
    name: 'completion',
    summary: 'print a script that completes command lines in a shell',
    load: async () => (await import('./completion.ts')).completionCommand(),
  },
];
