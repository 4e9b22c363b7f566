import type { RunConfig } from '../../src/config/schema.ts';
import type { DatasetIdentity } from '../../src/protocol/run.ts';

/** What `peers/consumer.ts` is told. */
export interface ConsumerTask {
  readonly config: RunConfig;
  readonly identity: DatasetIdentity;
  readonly stream: string;
  readonly epochs: number;
  /** Of a loader; the consumer decodes itself where absent. */
  readonly address?: string;
}

/** What it tells. */
export interface ConsumerReport {
  readonly images: number;
  /** Of bytes of all batches, in their order. */
  readonly checksum: number;
  readonly seconds: number;
  /** Processor seconds after the data set was open, and of the whole process. */
  readonly reading: number;
  readonly cpu: number;
}
