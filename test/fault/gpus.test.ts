import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { journalViolations } from '../../scripts/soak/invariants.ts';
import { runConfigSchema } from '../../src/config/schema.ts';
import { allotDevices } from '../../src/coordinator/devices.ts';
import { readJournal } from '../../src/coordinator/journal.ts';
import { executeRun } from '../../src/coordinator/run.ts';
import { loadRunRecord } from '../../src/coordinator/run-directory.ts';
import { localExecutor } from '../../src/executors/local.ts';
import type { Lease } from '../../src/protocol/plan.ts';
import { createSmallRun, fixtureWorker, smallConfig, smallRecord, temporaryDirectory } from '../fixtures/run.ts';
import { runCli } from '../support/cli.ts';
import { thorough } from '../support/faults.ts';

afterEach(() => void vi.unstubAllEnvs());

const cards = [
  { index: 0, uuid: 'GPU-aaaa-0000' },
  { index: 1, uuid: 'GPU-bbbb-1111' },
  { index: 2, uuid: 'GPU-bbcc-2222' },
];

/** A directory with a program `nvidia-smi`, for PATH. */
function nvidiaSmi(script: string): string {
  const directory = temporaryDirectory();
  const path = join(directory, 'nvidia-smi');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return `${directory}:/usr/bin:/bin`;
}

const listing = (order: readonly number[]) =>
  nvidiaSmi(order.map((card) => `echo "${cards[card]?.index}, ${cards[card]?.uuid}, NVIDIA H200, 143771"`).join('\n'));

const silent = { event() {}, progress() {}, notice() {}, close() {} };
const works = async (name: 'cuda') => ({ name, available: true, device: 'GPU', accelerated: true, precisions: [] });

async function leasesOf(path: string, visible: string | undefined, devices: object = {}): Promise<readonly Lease[]> {
  const environment = { PATH: path, ...(visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible }) };
  const config = runConfigSchema.parse({ devices: { engine: 'cuda', ...devices } });
  return (await allotDevices(config, { environment, probe: works as never })).leases;
}

describe('workers are given', () => {
  it.each([
    ['one GPU of a list, fewer than modules', [0, 1, 2], '1', {}, ['GPU-bbbb-1111'], 1],
    [
      'GPUs whose indices are not in the order of the list',
      [2, 0, 1],
      '2,0',
      {},
      ['GPU-bbcc-2222', 'GPU-aaaa-0000'],
      1,
    ],
    ['GPUs named by UUID', [1, 0, 2], 'GPU-bbbb-1111,GPU-aaaa', {}, ['GPU-bbbb-1111', 'GPU-aaaa-0000'], 1],
    ['a GPU that they share, as asked', [0, 1, 2], '1', { jobsPerGpu: 2 }, ['GPU-bbbb-1111'], 2],
    ['more GPUs than modules', [0, 1, 2], undefined, {}, cards.map(({ uuid }) => uuid), 1],
  ])('%s', async (_, order, visible, devices, allowed, sharing) => {
    const path = listing(order);
    const leases = await leasesOf(path, visible, devices);
    expect(new Set(leases.map((lease) => lease.cudaVisibleDevices))).toEqual(new Set(allowed));
    vi.stubEnv('PATH', `${path}:${process.env.PATH}`);
    const runDirectory = await createSmallRun({}, smallRecord(smallConfig(), [...leases]));
    const outcome = await executeRun(runDirectory, { observe: () => silent, executor: localExecutor(fixtureWorker) });
    expect(outcome.status).toBe('completed');
    // What the workers saw in their environment themselves.
    for (const job of ['meta', 'module-0', 'module-1', 'finetune', 'evaluate']) {
      const [, seen] = /^\d+ (.*)\n$/.exec(readFileSync(join(runDirectory, 'jobs', job, 'attempts'), 'utf8')) ?? [];
      expect(allowed).toContain(seen);
    }
    const { events } = readJournal(runDirectory);
    expect(journalViolations(events, { record: await loadRunRecord(runDirectory) })).toEqual([]);
    const held = new Map<string, string>();
    for (const event of events) {
      if (event.type === 'job-exited') held.delete(event.job);
      if (event.type !== 'job-started') continue;
      const card = leases.find(({ id }) => id === event.lease)?.cudaVisibleDevices as string;
      held.set(event.job, card);
      expect([...held.values()].filter((other) => other === card).length).toBeLessThanOrEqual(sharing);
    }
  });
});

it('leases stay within CUDA_VISIBLE_DEVICES, whatever it says', async () => {
  const entries = [
    '0',
    '1',
    '2',
    '7',
    '-1',
    '',
    ' 1',
    'GPU-aaaa-0000',
    'GPU-bbbb',
    'GPU-bb',
    'GPU-',
    'MIG-1',
    'x',
    '01',
  ];
  /** CUDA reads entries up to the first that names no card, or one for the second time. */
  const named = (visible: string): string[] => {
    const found: string[] = [];
    for (const raw of visible.split(',')) {
      const entry = raw.trim();
      const byIndex = /^[0-9]+$/.test(entry) ? cards.filter(({ index }) => index === Number(entry)) : [];
      const byUuid = /^GPU-./.test(entry) ? cards.filter(({ uuid }) => uuid.startsWith(entry)) : [];
      const [card, ...others] = [...byIndex, ...byUuid];
      if (!card || others.length > 0 || found.includes(card.uuid)) break;
      found.push(card.uuid);
    }
    return found;
  };
  const path = listing([0, 1, 2]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...entries), { minLength: 1, maxLength: 4 }), async (list) => {
      const visible = list.join(',');
      const leases = await leasesOf(path, visible).catch((error: { code: string }) => error.code);
      const expected = named(visible);
      if (typeof leases === 'string') expect([leases, expected]).toEqual(['ENVIRONMENT_GPU', []]);
      else expect(leases.map((lease) => lease.cudaVisibleDevices)).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

describe('the real command-line tool with an nvidia-smi', () => {
  const programs: [string, string][] = [
    ['that hangs, as does its child', 'trap "" TERM; sleep 1000 & wait; sleep 1000'],
    ['that fails', 'echo "NVIDIA-SMI has failed" >&2; exit 9'],
    ['that is killed', 'kill -9 $$'],
    ['that prints something else', 'echo "<html>"; echo "0, 1"'],
    ['that prints no end', 'yes "0, GPU-aaaa, NVIDIA H200, 1"'],
  ];
  it.each(thorough ? programs : programs.slice(0, 1))('%s plans on the CPU', async (_, script) => {
    const settings = ['--set', 'devices.slots=1', '--set', 'model.depth=4', '--modules', '2', '--json'];
    const { exitCode, stdout } = await runCli(['plan', ...settings], { env: { PATH: nvidiaSmi(script) } });
    expect(exitCode).toBe(0);
    expect(JSON.stringify(JSON.parse(stdout))).toContain('"cpu-0"');
  });
});
