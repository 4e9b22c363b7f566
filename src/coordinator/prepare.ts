import { resolve } from 'node:path';
import type { RunConfig } from '../config/schema.ts';
import { describeDataset } from '../data/open.ts';
import { buildArchitecture, describeModel, type ModelDescription } from '../models/registry.ts';
import type { Plan } from '../protocol/plan.ts';
import type { DatasetIdentity } from '../protocol/run.ts';
import { allotDevices, type Devices } from './devices.ts';
import { planRun } from './plan.ts';

/** Everything that is decided before a run exists. */
export interface PreparedRun {
  readonly config: RunConfig;
  readonly dataset: DatasetIdentity;
  readonly model: ModelDescription;
  readonly devices: Devices;
  readonly plan: Plan;
}

/** Checks a configuration against the data and the machine, and plans the run. Creates nothing. */
export async function prepareRun(given: RunConfig): Promise<PreparedRun> {
  const config = withAbsoluteSource(given);
  const dataset = await describeDataset(config);
  const classes = dataset.classes.length;
  const model = describeModel(config.model, classes);
  const devices = await allotDevices(config);
  const plan = planRun(config, buildArchitecture(config.model, classes), devices);
  return { config, dataset, model, devices, plan };
}

/** A run may be resumed from another directory than it was started in. */
export function withAbsoluteSource(config: RunConfig): RunConfig {
  const { source } = config.data;
  return source === 'shapes' ? config : { ...config, data: { ...config.data, source: resolve(source) } };
}
