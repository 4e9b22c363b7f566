import { join } from 'node:path';
import { execaNode } from 'execa';

/** What the fixture train.mjs is told. */
export interface TrainTask {
  /** Parts of a run's configuration. */
  readonly config: object;
  readonly job: { readonly id: string; readonly kind: string; readonly module?: number };
  /** `cpu` where absent. */
  readonly engine?: string;
  readonly threads: number;
  readonly steps: number;
  /** Steps between two looks at the memory; none where absent. */
  readonly sampleEvery?: number;
}

/** What the fixture train.mjs tells. */
export interface TrainReport {
  /** Steps done. */
  readonly done: number;
  readonly losses: readonly number[];
  readonly evaluation: object | null;
  /** SHA-256 by tensor, of the initial parameters and of all that the training keeps from step to step. */
  readonly initial: readonly (readonly [string, string])[];
  readonly final: readonly (readonly [string, string])[];
  readonly samples: readonly MemorySample[];
}

/** Memory in use after garbage was collected, bytes. */
export interface MemorySample {
  readonly step: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  /** What arrays took before garbage was collected. */
  readonly uncollected: number;
}

/** Trains a job for some steps in a process of its own. */
export async function trainInProcess(task: TrainTask): Promise<TrainReport> {
  const fixture = join(import.meta.dirname, '../fixtures/train.mjs');
  const { stdout } = await execaNode(fixture, [JSON.stringify(task)], { nodeOptions: ['--expose-gc'], ipc: false });
  return JSON.parse(stdout) as TrainReport;
}
