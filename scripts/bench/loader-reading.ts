import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { type RunConfig, runConfigSchema } from '../../src/config/schema.ts';
import { describeDataset } from '../../src/data/open.ts';
import type { LoaderSpec } from '../../src/protocol/loader.ts';
import type { DatasetIdentity } from '../../src/protocol/run.ts';
import type { ConsumerReport, ConsumerTask } from './consumer-task.ts';

export interface LoaderBenchSettings {
  readonly source: string;
  readonly imageSize: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly trainLimit?: number;
}

export interface ReadingCase {
  readonly consumers: number;
  readonly sharing: RunConfig['data']['sharing'];
}

export interface ReadingResult extends ReadingCase {
  /** Of one job. */
  readonly images: number;
  /** Of the slowest job, after its data set was open. */
  readonly seconds: number;
  /** Processor seconds of all processes: of reading, to which all of the loader's count, and in all. */
  readonly reading: number;
  readonly cpu: number;
}

/** Linux counts processor time in ticks of this length. */
const TICKS_PER_SECOND = 100;

/** Lets jobs read all training images for some epochs, side by side, in processes of their own. */
export async function jobsReading(
  { consumers, sharing }: ReadingCase,
  { source, imageSize, batchSize, epochs, trainLimit = Number.MAX_SAFE_INTEGER }: LoaderBenchSettings,
  folder: string,
): Promise<ReadingResult> {
  const config = runConfigSchema.parse({
    model: { imageSize },
    data: { source, sharing, trainLimit },
    training: { batchSize },
  });
  const identity = await describeDataset(config);
  const loader = sharing === 'off' ? undefined : await startLoader(config, identity, consumers, folder);
  const program = fileURLToPath(new URL('peers/consumer.js', import.meta.url));
  const reports = await Promise.all(
    Array.from({ length: consumers }, async (_, job) => {
      const stream = sharing === 'batches' ? 'shared' : `module-${job}`;
      const task: ConsumerTask = { config, identity, stream, epochs, ...(loader && { address: loader.address }) };
      const { stdout } = await execa(process.execPath, [program, JSON.stringify(task)], { stderr: 'inherit' });
      return JSON.parse(stdout) as ConsumerReport;
    }),
  );
  const loaderCpu = loader ? await loader.stop() : 0;
  const sum = (part: 'reading' | 'cpu') => reports.reduce((total, report) => total + report[part], loaderCpu);
  return {
    consumers,
    sharing,
    images: reports[0]?.images ?? 0,
    seconds: Math.max(...reports.map((report) => report.seconds)),
    reading: sum('reading'),
    cpu: sum('cpu'),
  };
}

async function startLoader(config: RunConfig, dataset: DatasetIdentity, jobs: number, folder: string) {
  const directory = join(folder, `incubate-${config.data.sharing}-${jobs}-${process.hrtime.bigint()}`);
  await mkdir(directory);
  const address = join(directory, 'loader');
  const spec: LoaderSpec = { config, dataset, address, directory, jobs };
  const specPath = join(directory, 'spec.json');
  await writeFile(specPath, JSON.stringify(spec));
  const program = fileURLToPath(new URL('../../workers/loader.js', import.meta.url));
  const child = execa(process.execPath, [program, specPath], {
    stdio: ['ignore', 'inherit', 'inherit'],
    reject: false,
  });
  return {
    address,
    /** Ends it; returns its processor seconds. */
    async stop(): Promise<number> {
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      child.kill('SIGKILL');
      await child;
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    },
  };
}
