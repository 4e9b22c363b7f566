import type { RunConfig } from '../config/schema.ts';
import type { DatasetIdentity } from './run.ts';

/** `loader/spec.json` of a run: all that its loader is told. */
export interface LoaderSpec {
  readonly config: RunConfig;
  readonly dataset: DatasetIdentity;
  /** Where it listens: a socket's path, or a pipe's name. */
  readonly address: string;
  /** A directory of its own, which is removed after it. */
  readonly directory: string;
  /** Jobs that run at a time, at most. */
  readonly jobs: number;
}
