import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { readsText } from '../config/data-formats.ts';
import type { EngineName } from '../config/engines.ts';
import type { RunConfig } from '../config/schema.ts';
import { allotDevices } from '../coordinator/devices.ts';
import { loadRunRecord } from '../coordinator/run-directory.ts';
import { resolveRun } from '../coordinator/run-name.ts';
import { askWorker } from '../executors/ask.ts';
import { type EvaluateReply, type EvaluateRequest, evaluateReplySchema } from '../protocol/evaluate.ts';
import { readJobResult, weightsPath } from '../protocol/job-result.ts';
import { finalJobOf } from '../protocol/plan.ts';
import { withOwnTokenizer } from '../protocol/run-files.ts';
import { countFigure } from '../report/figures.ts';
import { evaluationText } from '../report/measures.ts';
import { IncubateError } from '../util/errors.ts';
import { addConfigOptions, type ConfigOptions, configFromOptions } from './config-options.ts';
import { addRunOptions, type RunOptions } from './run-options.ts';

type EvalOptions = ConfigOptions & RunOptions;

/** `incubate eval`: how well final weights do on validation images or text. */
export function evalCommand(): Command {
  const command = new Command('eval')
    .description(
      "evaluate weights on validation images or text: of a run with the run's own configuration, except for --data, --engine, --threads and --batch-size; of a .safetensors file with the configuration that the options say",
    )
    .argument('<run|weights>', 'name or path of a run, or a .safetensors file');
  addRunOptions(command, 'print the metrics as one JSON document');
  return addConfigOptions(command).action(async (target: string, options: EvalOptions) => {
    const { config, weights, engine } = target.endsWith('.safetensors')
      ? await fileTarget(target, options)
      : await runTarget(resolveRun(target, options.runsDir), options);
    const threads = config.devices.threads ?? availableParallelism();
    const request: EvaluateRequest = { config, weights, engine, threads };
    const reply = await askWorker('eval', request, evaluateReplySchema);
    const document = { weights, data: config.data.source, ...reply };
    process.stdout.write(options.json ? `${JSON.stringify(document, null, 2)}\n` : evalText(document));
  });
}

interface Target {
  readonly config: RunConfig;
  readonly weights: string;
  readonly engine: EngineName;
}

async function fileTarget(path: string, options: EvalOptions): Promise<Target> {
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) throw new IncubateError('USAGE_WEIGHTS', `there is no weights file ${path}`);
  const { config } = await configFromOptions(options);
  return { config, weights: resolve(path), engine: await chosenEngine(config) };
}

/** Throws USAGE_RUN or RUN_FORMAT for what is no run, RUN_RESULT where it has no final weights that can be trusted. */
async function runTarget(runDirectory: string, options: EvalOptions): Promise<Target> {
  const { config: own, plan } = await loadRunRecord(runDirectory);
  const result = await readJobResult(runDirectory, finalJobOf(plan)).catch((error: unknown) => {
    if (!(error instanceof IncubateError)) throw error;
    throw new IncubateError(error.code, error.message, {
      cause: error,
      hint: 'A run has final weights when it is completed; `incubate status` tells.',
    });
  });
  const weights = weightsPath(runDirectory, result);
  if (weights === undefined) throw new IncubateError('RUN_RESULT', `the run ${runDirectory} has no final weights`);
  const planned = { ...own, devices: { ...own.devices, engine: plan.engine } };
  const config = withOwnTokenizer(await withOverrides(planned, options), runDirectory);
  return { config, weights, engine: await chosenEngine(config) };
}

/** Evaluations are computed in fp32, whatever the weights were trained in. */
async function chosenEngine(config: RunConfig): Promise<EngineName> {
  const { engine } = await allotDevices({ ...config, training: { ...config.training, precision: 'fp32' } });
  return engine;
}

/** What may differ in an evaluation from the run, as it changes neither the model nor how images look to it. */
const overridable: readonly string[] = [
  'data.source',
  'data.format',
  'devices.engine',
  'devices.threads',
  'training.batchSize',
];

/** Throws USAGE_OPTION for an option that would change the model whose weights the run has. */
async function withOverrides(config: RunConfig, options: EvalOptions): Promise<RunConfig> {
  const { config: asked, origins } = await configFromOptions(options);
  const [wrong] = Object.entries(origins).filter(
    ([key, origin]) => origin.startsWith('--') && !overridable.includes(key),
  );
  if (wrong || options.config !== undefined || options.recipe !== undefined) {
    throw new IncubateError('USAGE_OPTION', `${wrong?.[1] ?? '--config or --recipe'} does not go with a run`, {
      hint: 'A run is evaluated with its own configuration; --data, --engine, --threads and --batch-size may differ.',
    });
  }
  const given = (key: string) => /^(--|INCUBATE_)/.test(origins[key] ?? '');
  const { data, devices, training } = config;
  return {
    ...config,
    data: {
      ...data,
      // Another source may be of another format of images; other text is text.
      ...(given('data.source') && { source: asked.data.source }),
      ...(given('data.source') && !readsText({ data }) && { format: asked.data.format }),
      ...(given('data.format') && { format: asked.data.format }),
    },
    devices: {
      ...devices,
      // Another engine may know nothing of the run's GPUs.
      ...(given('devices.engine') && { engine: asked.devices.engine, gpus: 'auto' }),
      ...(given('devices.threads') && { threads: asked.devices.threads }),
    },
    training: {
      ...training,
      ...(given('training.batchSize') && { batchSize: asked.training.batchSize, accumulate: 1 }),
    },
  };
}

function evalText({ weights, data, ...reply }: EvaluateReply & { weights: string; data: string }): string {
  const skipped = reply.damaged === undefined ? '' : `, besides ${reply.damaged} that cannot be decoded`;
  const { images = 0, classes = [], tokens, vocabulary = 0 } = reply;
  const what =
    tokens === undefined
      ? `${countFigure(images)} images, ${classes.length} classes${skipped}`
      : `${countFigure(tokens)} tokens of ${countFigure(vocabulary)}`;
  return [`weights  ${weights}`, `data     ${data}: ${what}`, `metrics  ${evaluationText(reply)}`, ''].join('\n');
}
