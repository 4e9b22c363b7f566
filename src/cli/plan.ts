import { Command } from 'commander';
import { prepareRun } from '../coordinator/prepare.ts';
import { outputsOf } from '../data/identity.ts';
import { askWorker } from '../executors/ask.ts';
import { type EstimateRequest, estimateReplySchema } from '../protocol/estimate.ts';
import { addConfigOptions, type ConfigOptions, configFromOptions } from './config-options.ts';
import { planDocument, wholeJob } from './plan-document.ts';
import { planText } from './plan-text.ts';

/** `incubate plan`: what `train` with the same options would do and cost. */
export function planCommand(): Command {
  const command = new Command('plan')
    .description('show what `train` with the same options would do and cost; nothing is trained or written')
    .option('--json', 'print the plan as one JSON document');
  return addConfigOptions(command).action(async (options: ConfigOptions & { readonly json?: boolean }) => {
    const { config } = await configFromOptions(options);
    const prepared = await prepareRun(config);
    const { modules, jobs } = prepared.plan;
    const isThere = jobs.some(({ kind }) => kind === wholeJob.kind);
    const estimated = isThere ? jobs : [...jobs, wholeJob];
    const request: EstimateRequest = { config, modules, jobs: estimated, outputs: outputsOf(prepared.dataset) };
    const document = planDocument(prepared, await askWorker('estimate', request, estimateReplySchema));
    process.stdout.write(options.json ? `${JSON.stringify(document, null, 2)}\n` : planText(document));
  });
}
