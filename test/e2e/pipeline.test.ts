import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { variableOf } from '../../src/config/environment.ts';
import { journalOf, untilEvent } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');
const page = await readFile(join(root, 'docs/ci.md'), 'utf8');

interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
  readonly 'continue-on-error'?: boolean;
  readonly with?: { readonly path?: string };
}

const pipeline: { env: Record<string, string>; jobs: { train: { steps: Step[] } } } = parse(
  /^```yaml\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '',
);
const { steps } = pipeline.jobs.train;

const small: Record<string, string> = {
  'model.width': '16',
  'model.depth': '4',
  'model.heads': '2',
  'division.modules': '2',
  'data.shapes.train': '200',
  'data.shapes.validation': '50',
  'phases.meta.epochs': '8',
  'phases.incubate.epochs': '1',
  'phases.finetune.epochs': '1',
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate pipeline '));
  await mkdir(join(folder, 'bin'));
  const npx = `#!/bin/sh\nshift\nexec '${process.execPath}' '${join(root, 'bin/incubate.js')}' "$@"\n`;
  await writeFile(join(folder, 'bin/npx'), npx);
  await chmod(join(folder, 'bin/npx'), 0o755);
});
afterAll(() => rm(folder, { recursive: true }));

/** The pipeline's environment with small settings, in a directory of its own. */
async function workspace(name: string, more: Record<string, string>) {
  const cwd = join(folder, name);
  await mkdir(cwd);
  const settings = Object.entries(small).map(([key, value]) => [variableOf(key), value]);
  const PATH = `${join(folder, 'bin')}:${process.env.PATH}`;
  const GITHUB_STEP_SUMMARY = join(cwd, 'summary.md');
  return { cwd, env: { ...pipeline.env, ...Object.fromEntries(settings), ...more, PATH, GITHUB_STEP_SUMMARY } };
}

type Workspace = Awaited<ReturnType<typeof workspace>>;

/** Runs the steps as the runner would, and returns how each went. */
async function runPipeline({ cwd, env }: Workspace, during: (step: Step) => Promise<void> = async () => {}) {
  const outcomes: Record<string, string> = {};
  let failed = false;
  for (const step of steps) {
    const { name = '', run } = step;
    if (run === undefined || run === 'npm ci') continue;
    if (!isDue(step.if, failed, outcomes)) {
      outcomes[name] = 'skipped';
      continue;
    }
    const shell = execa('bash', ['-e', '-c', run], { cwd, env, reject: false, stdin: 'ignore' });
    await during(step);
    const { exitCode } = await shell;
    outcomes[name] = exitCode === 0 ? 'success' : 'failure';
    failed ||= exitCode !== 0 && step['continue-on-error'] !== true;
  }
  return { outcomes, summary: await readFile(env.GITHUB_STEP_SUMMARY, 'utf8') };
}

function isDue(condition: string | undefined, failed: boolean, outcomes: Record<string, string>): boolean {
  if (condition === undefined) return !failed;
  if (condition === 'always()') return true;
  if (condition === 'failure()') return failed;
  const [, id, outcome] = /^steps\.(\w+)\.outcome == '(\w+)'$/.exec(condition) ?? [];
  const name = steps.find((step) => step.id === id)?.name;
  if (name === undefined) throw new Error(`no such condition: ${condition}`);
  return !failed && outcomes[name] === outcome;
}

const hasJq = (await execa('jq', ['--version'], { reject: false })).exitCode === 0;

describe.skipIf(!hasJq)('the pipeline of docs/ci.md (skipped where jq is not installed)', () => {
  test('trains, checks, cleans up and has what it uploads', async () => {
    const place = await workspace('undisturbed', { MIN_TOP1: '0.01' });
    const { outcomes, summary } = await runPipeline(place);
    expect(outcomes).toEqual({
      'Check the settings': 'success',
      Train: 'success',
      Resume: 'skipped',
      'Check the accuracy': 'success',
      Summary: 'success',
      Logs: 'skipped',
      'Give back disk space': 'success',
    });
    expect(summary).toMatch(/^ci: completed, /);
    const paths = steps.flatMap((step) => step.with?.path?.trim().split('\n') ?? []);
    expect(paths.length).toBeGreaterThan(3);
    for (const path of paths) await execa('bash', ['-c', 'compgen -G "$0"', path], { cwd: place.cwd });
    const snippet = /^node -e '(.*)'$/m.exec(page)?.[1] ?? '';
    const check = (MIN_TOP1: string) =>
      execa('node', ['-e', snippet], { cwd: place.cwd, env: { MIN_TOP1 }, reject: false });
    expect([(await check('0.01')).exitCode, (await check('1.01')).exitCode]).toEqual([0, 1]);
  });

  test('resumes a run whose process was killed, and shows the logs where the accuracy is too low', async () => {
    const place = await workspace('killed', { MIN_TOP1: '1.01' });
    const run = join(place.cwd, 'runs/ci');
    const { outcomes, summary } = await runPipeline(place, async ({ id }) => {
      if (id !== 'train') return;
      await untilEvent(run, ({ type }) => type === 'checkpoint');
      const session = (await journalOf(run)).find(({ type }) => type === 'session-started');
      process.kill(session?.pid as number, 'SIGKILL');
    });
    expect(outcomes).toEqual({
      'Check the settings': 'success',
      Train: 'failure',
      Resume: 'success',
      'Check the accuracy': 'failure',
      Summary: 'success',
      Logs: 'success',
      'Give back disk space': 'skipped',
    });
    expect(summary).toMatch(/^ci: completed, /);
    expect(JSON.parse(await readFile(join(place.cwd, 'result.json'), 'utf8')).status).toBe('completed');
  });
});
