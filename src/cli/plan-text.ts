import { samplesIn } from '../data/identity.ts';
import { countFigure, percent, scaledFigure } from '../report/figures.ts';
import { alignTable, endToEnd } from '../report/table.ts';
import type { PlanDocument, PlannedJob } from './plan-document.ts';

/** A plan for people: facts, modules, jobs and costs. */
export function planText({ method, model, data, devices, modules, jobs, cost, notes }: PlanDocument): string {
  const hasMeta = jobs.some(({ kind }) => kind === 'meta');
  const what = samplesIn(data);
  const facts = [
    `method   ${method}`,
    `model    ${model.name}: ${model.depth} blocks, ${countFigure(model.parameters)} parameters, ${scaledFigure(model.macsPerImage)}MACs per ${what.slice(0, -1)}`,
    `data     ${data.source}: ${dataText(data)}`,
    `devices  ${devices.leases.map((lease) => lease.id).join(', ')} with the engine ${devices.engine} and ${devices.threads} threads in all: ${devices.choice}`,
  ];
  const moduleRows = modules.map(({ index, from, to, parameters, metaDepth }) => [
    `module ${index}`,
    to - from === 1 ? `${from}` : `${from}-${to - 1}`,
    countFigure(parameters),
    ...(hasMeta ? [String(metaDepth)] : []),
  ]);
  const tables = [
    [['module', 'blocks', 'parameters', ...(hasMeta ? ['meta blocks'] : [])], ...moduleRows],
    [['schedule', 'needs', 'epochs', 'steps', what, 'threads'], ...jobs.map(scheduleRow)],
    [
      ['cost', 'trained', 'frozen', 'FLOPs/step', 'FLOPs', 'memory', 'of it state', 'layer units'],
      ...jobs.map(costRow),
    ],
  ];
  const sums = [
    `layer units  ${percent(cost.layerUnitsOfEndToEnd)} of ${endToEnd(hasMeta)}; ${percent(cost.criticalPathOfEndToEnd)} on the longest chain of jobs`,
    `operations   ${scaledFigure(cost.flops)}FLOPs, ${percent(cost.flopsOfEndToEnd)} of the same`,
  ];
  const parts = [facts.join('\n'), ...tables.map(alignTable), sums.join('\n'), ...notes.map((note) => `note: ${note}`)];
  return `${parts.join('\n\n')}\n`;
}

function dataText({ train, validation, classes, tokens }: PlanDocument['data']): string {
  if (!tokens) {
    return `${countFigure(train)} training and ${countFigure(validation)} validation images, ${classes.length} classes`;
  }
  const counts = `${countFigure(tokens.train)} training and ${countFigure(tokens.validation)} validation tokens`;
  return `${counts}, vocabulary of ${countFigure(tokens.vocabulary)}; ${countFigure(train)} sequences an epoch, which each job reads itself`;
}

function scheduleRow(job: PlannedJob): string[] {
  const needs = job.needs.length > 2 ? `${job.needs[0]}…${job.needs.at(-1)}` : job.needs.join(', ');
  return [job.id, needs || '-', ...[job.epochs, job.steps, job.images, job.threads].map(countFigure)];
}

function costRow(job: PlannedJob): string[] {
  return [
    job.id,
    countFigure(job.trained),
    countFigure(job.frozen),
    scaledFigure(job.flopsPerStep),
    scaledFigure(job.flops),
    mebibytes(job.peakBytes),
    mebibytes(job.stateBytes),
    scaledFigure(job.layerUnits),
  ];
}

function mebibytes(bytes: number): string {
  return `${countFigure(Math.ceil(bytes / 2 ** 20))} MiB`;
}
