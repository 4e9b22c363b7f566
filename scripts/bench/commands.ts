/*
 * `npm run bench:commands`: how long commands take that people wait for: the help, and the status of a run whose journal has
 * 100,000 events. Wall time, and the processor time that is left when the machine is busy with other things.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { runConfigSchema } from '../../src/config/schema.ts';
import { firstLine, journalPath } from '../../src/coordinator/journal.ts';
import { planRun } from '../../src/coordinator/plan.ts';
import { createRunDirectory } from '../../src/coordinator/run-directory.ts';
import { buildArchitecture } from '../../src/models/registry.ts';
import type { JournalEntry } from '../../src/protocol/messages.ts';
import type { Lease } from '../../src/protocol/plan.ts';
import { RUN_FORMAT, type RunRecord } from '../../src/protocol/run.ts';
import { alignTable } from '../../src/report/table.ts';
import { median } from './median.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, events: { type: 'string', default: '100000' } },
});
const launcher = fileURLToPath(new URL('../../../bin/incubate.js', import.meta.url));

const folder = await mkdtemp(join(tmpdir(), 'incubate commands '));
try {
  await writeRun(join(folder, 'long'), Number(values.events));
  await writeRun(join(folder, 'short'), 10);
  const rows = [
    ['node alone', await measure(['-e', '0'])],
    ['incubate --help', await measure([launcher, '--help'])],
    ['incubate status, 10 events', await measure([launcher, 'status', join(folder, 'short')])],
    [`incubate status, ${values.events} events`, await measure([launcher, 'status', join(folder, 'long')])],
  ] as const;
  const cells = rows.map(([name, { wall, processor }]) => [
    name,
    `${wall.toFixed(0)} ms`,
    `${processor.toFixed(0)} ms`,
  ]);
  console.log(alignTable([['command', 'wall time', 'processor time'], ...cells]));
} finally {
  await rm(folder, { recursive: true });
}

/** Medians over the rounds, milliseconds; bash knows the processor time of what it has waited for. */
async function measure(args: readonly string[]) {
  const timed = 'TIMEFORMAT="%R %U %S"; time "$@" > /dev/null';
  const rounds: (readonly [number, number])[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const { stderr } = await execa('bash', ['-c', timed, 'bash', process.execPath, ...args], { stdin: 'ignore' });
    const [wall = 0, user = 0, system = 0] = stderr.split(' ').map((seconds) => 1000 * Number(seconds));
    rounds.push([wall, user + system]);
  }
  return { wall: median(rounds.map(([wall]) => wall)), processor: median(rounds.map(([, processor]) => processor)) };
}

/** A run of four blocks in two modules whose journal is mostly epochs and checkpoints. */
async function writeRun(runDirectory: string, count: number): Promise<void> {
  const config = runConfigSchema.parse({ model: { name: 'vit-tiny', depth: 4 }, division: { modules: 2 } });
  const leases: Lease[] = [{ id: 'cpu-0', kind: 'cpu', cudaVisibleDevices: '' }];
  const plan = planRun(config, buildArchitecture(config.model, 2), { engine: 'cpu', leases, threads: 1 });
  const dataset = { source: 'shapes', classes: ['a', 'b'], train: 100, validation: 10, fingerprint: 'f' };
  const versions = { incubate: '', node: process.versions.node };
  const record: RunRecord = {
    format: RUN_FORMAT,
    name: 'bench',
    created: new Date().toISOString(),
    versions,
    config,
    plan,
    dataset,
  };
  await createRunDirectory(runDirectory, record);
  const time = new Date().toISOString();
  const evaluation = { top1: 0.8123456, top5: 0.9912345, loss: 0.7512345 };
  const lines = Array.from({ length: count - 1 }, (_, index) => {
    const about = { job: plan.jobs[index % plan.jobs.length]?.id ?? '', attempt: 1 };
    const entry: JournalEntry =
      index % 2 === 0
        ? { type: 'checkpoint', ...about, step: index, path: join(runDirectory, 'jobs/x/checkpoints', `step-${index}`) }
        : { type: 'epoch', ...about, epoch: 1, epochs: 2, loss: 2.1234567, lr: 1.2345e-4, seconds: 12.345, evaluation };
    return `${JSON.stringify({ seq: index + 2, time, ...entry })}\n`;
  });
  await writeFile(journalPath(runDirectory), firstLine({ type: 'run-created', name: 'bench' }) + lines.join(''));
}
