/*
 * `npm run test:soak -- --runs 200 --seed 1`: runs that are struck by random faults, each compared with one that is not.
 * A schedule is drawn from the seed and the run's number alone; when which fault falls into which moment is up to the
 * machine. A run that breaks a promise is kept, and the command to repeat it is printed.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import PQueue from 'p-queue';
import { writeShapes } from '../../src/data/shapes/write.ts';
import { alignTable } from '../../src/report/table.ts';
import { type CampaignReport, runCampaign } from './campaign.ts';
import { tinyRecipe } from './recipe.ts';
import { drawSchedule } from './schedule.ts';
import { startCli } from './session.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    parallel: { type: 'string', default: String(availableParallelism()) },
    minutes: { type: 'string', default: '600' },
    json: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const first = Number(values.first);
const started = performance.now();
const minutes = () => (performance.now() - started) / 60_000;

const folder = await mkdtemp(join(tmpdir(), 'incubate soak '));
const config = join(folder, 'tiny.yaml');
const images = join(folder, 'images');
await mkdir(join(folder, 'runs'));
await writeFile(config, tinyRecipe);
// Images that have to be decoded, so that the runs have loaders.
await writeShapes(images, { train: 96, validation: 16, size: 12, seed: 5, format: 'jpg' });
const trainArguments = (run: string) => [
  ...['train', '--config', config, '--runs-dir', join(folder, 'runs'), '--run', run],
  ...['--set', `data.source=${images}`],
];

const reference = await startCli([...trainArguments('reference'), '--json']);
if (reference.exitCode !== 0) throw new Error(`the uninterrupted run fails: ${reference.stderr}`);
const expected = (JSON.parse(String(reference.stdout)) as { weights: { sha256: string } }).weights.sha256;

const reports: CampaignReport[] = [];
const failed: number[] = [];
const queue = new PQueue({ concurrency: Number(values.parallel) });
for (let index = first; index < first + Number(values.runs); index++) {
  queue.add(async () => {
    if (minutes() > Number(values.minutes)) return;
    const runDirectory = join(folder, 'runs', `run-${index}`);
    const schedule = drawSchedule(seed, index);
    const report = await runCampaign(schedule, { runDirectory, train: trainArguments(`run-${index}`), expected }).catch(
      (error: Error): CampaignReport => ({
        struck: [],
        sessions: 0,
        survivors: 0,
        lost: 1,
        violations: [error.stack ?? error.message],
      }),
    );
    reports.push(report);
    console.error(`run ${index}: ${report.sessions} sessions, ${report.struck.join(' ')}`);
    if (report.violations.length === 0) return rm(runDirectory, { recursive: true });
    failed.push(index);
    console.error(report.violations.map((violation) => `  ${violation}`).join('\n'));
    console.error(`  ${runDirectory} is kept; again: npm run test:soak -- --seed ${seed} --first ${index} --runs 1`);
  });
}
await queue.onIdle();
if (failed.length === 0) await rm(folder, { recursive: true });

const counts = new Map<string, number>();
for (const kind of reports.flatMap(({ struck }) => struck)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
const total = (count: (report: CampaignReport) => number) => reports.reduce((sum, report) => sum + count(report), 0);
const figures = {
  seed,
  first,
  runs: reports.length,
  sessions: total(({ sessions }) => sessions),
  faults: total(({ struck }) => struck.length),
  survivors: total(({ survivors }) => survivors),
  lostResults: total(({ lost }) => lost),
  violations: total(({ violations }) => violations.length),
  minutes: Number(minutes().toFixed(1)),
  byKind: Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b))),
};
if (values.json) console.log(JSON.stringify(figures, null, 2));
else {
  const { byKind, ...rest } = figures;
  console.log(
    alignTable([...Object.entries(rest), ...Object.entries(byKind)].map(([name, value]) => [name, String(value)])),
  );
}
process.exitCode = failed.length === 0 ? 0 : 1;
