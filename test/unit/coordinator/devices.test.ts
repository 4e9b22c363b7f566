import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { allotDevices, describeDevices } from '../../../src/coordinator/devices.ts';
import { parseGpuList } from '../../../src/coordinator/gpus.ts';
import { temporaryDirectory } from '../../fixtures/run.ts';

const twoGpus = `echo "0, GPU-aaaa-0000, NVIDIA H200, 143771"; echo "1, GPU-bbbb-1111, NVIDIA H200, 143771"`;

/** An environment whose `nvidia-smi` is a shell script. */
function machine(script: string | null, visible?: string): NodeJS.ProcessEnv {
  const directory = temporaryDirectory();
  if (script !== null) {
    writeFileSync(join(directory, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, 'nvidia-smi'), 0o755);
  }
  const path = script === null ? directory : `${directory}:/usr/bin:/bin`;
  return { PATH: path, ...(visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible }) };
}

const configOf = (devices: object) => runConfigSchema.parse({ devices, division: { modules: 4 } });
const leasesOf = async (devices: object, environment: NodeJS.ProcessEnv, gpuEngine = true) =>
  (await allotDevices(configOf(devices), { environment, gpuEngine })).leases;
const gpuNames = (leases: Awaited<ReturnType<typeof leasesOf>>) =>
  leases.map((lease) => `${lease.id}=${lease.cudaVisibleDevices}`);

describe('without usable GPUs the leases are slots of the CPU, and the reason is kept', () => {
  test.each([
    ['nvidia-smi is missing', null, 'not installed'],
    ['nvidia-smi fails', 'echo "no driver" >&2; exit 9', 'nvidia-smi failed: no driver'],
    ['there are none', 'exit 0', 'lists no GPU'],
    ['the output is odd', 'echo "0, GPU-aaaa"', 'not understood: 0, GPU-aaaa'],
    ['the output is an error with status 0', 'echo "Unable to determine the device handle"', 'not understood'],
    ['nvidia-smi hangs', 'trap "" TERM; exec sleep 30', 'did not answer within 5 s'],
  ])('when %s', async (_, script, reason) => {
    const devices = await allotDevices(configOf({ slots: 2 }), { environment: machine(script), gpuEngine: true });
    expect(devices.leases.map(({ id, kind, cudaVisibleDevices }) => [id, kind, cudaVisibleDevices])).toEqual([
      ['cpu-0', 'cpu', ''],
      ['cpu-1', 'cpu', ''],
    ]);
    expect(devices.reason).toContain(reason);
  });

  test.each([
    [{ slots: null, threads: 3 }, 3],
    [{ slots: null, threads: 16 }, 4],
    [{ slots: 6, threads: 2 }, 6],
  ])('%j gives %i slots', async (devices, slots) => {
    expect(await leasesOf(devices, machine(null))).toHaveLength(slots);
  });
});

describe('leases of GPUs', () => {
  test('are one per card, or as many as asked for, spread over the cards', async () => {
    expect(gpuNames(await leasesOf({}, machine(twoGpus)))).toEqual(['gpu-0=GPU-aaaa-0000', 'gpu-1=GPU-bbbb-1111']);
    expect(gpuNames(await leasesOf({ jobsPerGpu: 2 }, machine(twoGpus)))).toEqual([
      'gpu-0.0=GPU-aaaa-0000',
      'gpu-1.0=GPU-bbbb-1111',
      'gpu-0.1=GPU-aaaa-0000',
      'gpu-1.1=GPU-bbbb-1111',
    ]);
  });

  test.each([
    ['0', ['gpu-0=GPU-aaaa-0000']],
    ['1,0', ['gpu-1=GPU-bbbb-1111', 'gpu-0=GPU-aaaa-0000']],
    ['GPU-bbbb', ['gpu-1=GPU-bbbb-1111']],
    ['1,-1,0', ['gpu-1=GPU-bbbb-1111']],
  ])('stay within CUDA_VISIBLE_DEVICES=%s', async (visible, expected) => {
    expect(gpuNames(await leasesOf({}, machine(twoGpus, visible)))).toEqual(expected);
  });

  test.each(['', '-1', '7', 'MIG-1234'])('are none when CUDA_VISIBLE_DEVICES is %j', async (visible) => {
    const description = await describeDevices({ environment: machine(twoGpus, visible), gpuEngine: true });
    expect(description).toMatchObject({ gpus: [], reason: expect.stringContaining('hides every GPU') });
  });

  test('are not given when no engine could use them, or they are switched off', async () => {
    const kinds = async (devices: object, gpuEngine: boolean) =>
      new Set((await leasesOf(devices, machine(twoGpus), gpuEngine)).map((lease) => lease.kind));
    expect(await kinds({}, false)).toEqual(new Set(['cpu']));
    expect(await kinds({ engine: 'cpu' }, true)).toEqual(new Set(['cpu']));
    expect(await kinds({ gpus: 'none' }, true)).toEqual(new Set(['cpu']));
    expect(await kinds({ gpus: [1] }, false)).toEqual(new Set(['gpu']));
  });

  test.each([
    [{ gpus: [0, 5] }, undefined, 'GPU 5 is not there: found 0 (NVIDIA H200, GPU-aaaa-0000), 1 (NVIDIA H200'],
    [{ gpus: [1] }, '0', 'GPU 1 is not there: found 0 (NVIDIA H200, GPU-aaaa-0000)'],
    [{ gpus: ['GPU-cccc'] }, undefined, 'GPU GPU-cccc is not there'],
    [{ gpus: [0] }, '', 'hides every GPU'],
  ])(
    'that are demanded but not there are an error: %j with CUDA_VISIBLE_DEVICES=%s',
    async (devices, visible, message) => {
      await expect(leasesOf(devices, machine(twoGpus, visible))).rejects.toMatchObject({
        code: 'ENVIRONMENT_GPU',
        exitCode: 4,
        message: expect.stringContaining(message),
      });
    },
  );
});

test('any answer of nvidia-smi is a list of GPUs or a reason', () => {
  const cell = fc.oneof(fc.string(), fc.constantFrom('0', 'GPU-aaaa-0000', 'NVIDIA H200', '143771', '[N/A]'));
  const csv = fc
    .array(fc.array(cell, { maxLength: 5 }).map((cells) => cells.join(', ')))
    .map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(csv, (answer) => {
      const { gpus, reason } = parseGpuList(answer);
      expect(gpus.length > 0).toBe(reason === undefined);
    }),
  );
});
