import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EngineName } from '../../../src/config/engines.ts';
import type { Precision } from '../../../src/config/precision.ts';
import { runConfigSchema } from '../../../src/config/schema.ts';
import type { Probe } from '../../../src/coordinator/choose-engine.ts';
import { allotDevices, describeDevices } from '../../../src/coordinator/devices.ts';
import { parseGpuList } from '../../../src/coordinator/gpus.ts';
import { type EngineProbe, unavailableProbe } from '../../../src/protocol/probe.ts';
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
/** What probes say on a machine where those engines work on a GPU, and no others but cpu work. */
const working =
  (...names: EngineName[]) =>
  async (name: EngineName): Promise<EngineProbe> =>
    names.includes(name)
      ? { name, available: true, version: '1', device: 'GPU', accelerated: true, precisions: [] }
      : unavailableProbe(name, `no ${name} here`);
const nothing = working();
const leasesOf = async (devices: object, environment: NodeJS.ProcessEnv, probe = working('cuda')) =>
  (await allotDevices(configOf(devices), { environment, probe })).leases;
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
    const devices = await allotDevices(configOf({ slots: 2 }), {
      environment: machine(script),
      probe: working('cuda', 'tfjs'),
    });
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
    const description = await describeDevices({ environment: machine(twoGpus, visible) });
    expect(description).toMatchObject({ gpus: [], reason: expect.stringContaining('hides every GPU') });
  });

  const divided = `
if [ "$1" = -L ]; then
  echo "GPU 0: NVIDIA H200 (UUID: GPU-aaaa-0000)"
  echo "  MIG 3g.71gb     Device  0: (UUID: MIG-1111-aa)"
  echo "  MIG 3g.71gb     Device  1: (UUID: MIG-2222-bb)"
  echo "GPU 1: NVIDIA H200 (UUID: GPU-bbbb-1111)"
else ${twoGpus}; fi`;
  const instances = ['gpu-0-mig-1=MIG-2222-bb', 'gpu-0-mig-0=MIG-1111-aa'];

  test.each([
    ['MIG-2222-bb,MIG-1111', instances],
    ['MIG-2222,MIG-2222,MIG-1111', instances.slice(0, 1)],
    ['MIG-2222,0', ['gpu-0-mig-1=MIG-2222-bb', 'gpu-0=GPU-aaaa-0000']],
    ['NoDevFiles', []],
    ['0,0,1', ['gpu-0=GPU-aaaa-0000']],
    ['GPU-', []],
    [' 1 , 0', ['gpu-1=GPU-bbbb-1111', 'gpu-0=GPU-aaaa-0000']],
  ])('of instances of cards stay within CUDA_VISIBLE_DEVICES=%s', async (visible, expected) => {
    const leases = await leasesOf({ slots: 1 }, machine(divided, visible));
    expect(gpuNames(leases.filter(({ kind }) => kind === 'gpu'))).toEqual(expected);
  });

  test('may be instances that are asked for by name', async () => {
    expect(gpuNames(await leasesOf({ gpus: ['MIG-2222', 'MIG-1111'] }, machine(divided)))).toEqual(instances);
    await expect(leasesOf({ gpus: ['MIG-2222'] }, machine(divided, 'MIG-1111'))).rejects.toMatchObject({
      code: 'ENVIRONMENT_GPU',
    });
    expect(gpuNames(await leasesOf({}, machine(divided)))).toEqual(['gpu-0=GPU-aaaa-0000', 'gpu-1=GPU-bbbb-1111']);
  });

  test('are not given when no engine could use them, or they are switched off', async () => {
    const kinds = async (devices: object, probe: Probe) =>
      new Set((await leasesOf(devices, machine(twoGpus), probe)).map((lease) => lease.kind));
    expect(await kinds({}, nothing)).toEqual(new Set(['cpu']));
    expect(await kinds({ engine: 'cpu' }, working('cuda'))).toEqual(new Set(['cpu']));
    expect(await kinds({ gpus: 'none' }, working('cuda'))).toEqual(new Set(['cpu']));
    expect(await kinds({ gpus: [1] }, working('tfjs'))).toEqual(new Set(['gpu']));
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

describe('the engine', () => {
  const chosen = async (devices: object, script: string | null, probe: Probe) => {
    const { engine, leases, choice } = await allotDevices(configOf(devices), { environment: machine(script), probe });
    return { engine, leases: leases.map(({ id }) => id).join(' '), choice };
  };

  test.each([
    ['cuda before all others', twoGpus, working('webgpu', 'tfjs', 'cuda'), 'cuda', 'gpu-0 gpu-1'],
    ['tfjs where cuda does not work', twoGpus, working('webgpu', 'tfjs'), 'tfjs', 'gpu-0 gpu-1'],
    ['webgpu where neither works, one job at a time', twoGpus, working('webgpu'), 'webgpu', 'webgpu-0'],
    ['webgpu on a GPU of another make', null, working('webgpu'), 'webgpu', 'webgpu-0'],
    ['cpu where there is no GPU, whatever is installed', null, working('cuda', 'tfjs'), 'cpu', 'cpu-0 cpu-1'],
    ['cpu where nothing works on the GPUs', twoGpus, nothing, 'cpu', 'cpu-0 cpu-1'],
  ] as const)('auto takes %s', async (_, script, probe, engine, leases) => {
    expect(await chosen({ threads: 2 }, script, probe)).toMatchObject({ engine, leases });
  });

  test('auto takes no adapter that is a processor, and says so', async () => {
    const software: Probe = async (name) => ({
      ...(await working('webgpu')(name)),
      accelerated: false,
      reason: 'the only adapter is software',
    });
    expect(await chosen({}, null, software)).toMatchObject({
      engine: 'cpu',
      choice: 'nvidia-smi is not installed (webgpu: the only adapter is software)',
    });
    expect(await chosen({ engine: 'webgpu', slots: 2 }, null, software)).toMatchObject({
      engine: 'webgpu',
      leases: 'webgpu-0 webgpu-1',
    });
  });

  test('cpu asks no engine', async () => {
    const never: Probe = (name) => Promise.reject(new Error(`${name} was asked`));
    expect(await chosen({ engine: 'cpu', slots: 1 }, twoGpus, never)).toMatchObject({ engine: 'cpu', leases: 'cpu-0' });
    expect(await chosen({ gpus: 'none', slots: 1 }, twoGpus, never)).toMatchObject({ engine: 'cpu', leases: 'cpu-0' });
  });

  test('tfjs takes slots of the CPU where libtensorflow sees no GPU', async () => {
    const blind: Probe = async (name) => ({
      ...(await working('tfjs')(name)),
      accelerated: false,
      reason: 'libtensorflow sees no GPU',
    });
    expect(await chosen({ engine: 'tfjs', slots: 1 }, twoGpus, blind)).toEqual({
      engine: 'tfjs',
      leases: 'cpu-0',
      choice: "the engine is 'tfjs', but libtensorflow sees no GPU",
    });
    await expect(chosen({ engine: 'tfjs', gpus: [0] }, twoGpus, blind)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
  });

  test.each([
    [{ engine: 'cuda' }, twoGpus, nothing, 'ENGINE_UNAVAILABLE', 'the engine cuda cannot be used: no cuda here'],
    [{ engine: 'webgpu' }, null, nothing, 'ENGINE_UNAVAILABLE', 'the engine webgpu cannot be used: no webgpu here'],
    [{ engine: 'tfjs' }, null, nothing, 'ENGINE_UNAVAILABLE', 'the engine tfjs cannot be used: no tfjs here'],
    [
      { gpus: [0] },
      twoGpus,
      working('webgpu'),
      'ENGINE_UNAVAILABLE',
      'the engines torch, cuda and tfjs cannot be used: torch: no torch here; cuda: no cuda here; tfjs: no tfjs here',
    ],
    [{ engine: 'cuda' }, null, working('cuda'), 'ENVIRONMENT_GPU', 'no GPU to lease: nvidia-smi is not installed'],
    [{ engine: 'webgpu', gpus: [0] }, twoGpus, working('webgpu'), 'CONFIG_DEVICES', 'cannot be given any'],
    [{ engine: 'cpu', gpus: [0] }, null, nothing, 'CONFIG_DEVICES', 'cannot be given any'],
    [{ engine: 'cuda', gpus: 'none' }, twoGpus, working('cuda'), 'CONFIG_DEVICES', 'switched off'],
  ] as const)('that cannot be used is an error: %j', async (devices, script, probe, code, message) => {
    await expect(chosen(devices, script, probe)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
      hint: expect.stringMatching(/\.$/),
    });
  });
});

describe('the precision of training', () => {
  const chosen = async (precision: Precision, devices: object, script: string | null, probe: Probe) => {
    const config = runConfigSchema.parse({ devices, training: { precision } });
    return (await allotDevices(config, { environment: machine(script), probe })).engine;
  };
  /** An engine that works with these types beside float32. */
  const having =
    (types: { readonly [Name in EngineName]?: EngineProbe['precisions'] }): Probe =>
    async (name) => ({
      ...(await working(...(Object.keys(types) as EngineName[]))(name)),
      precisions: types[name] ?? [],
    });
  const full = having({ cuda: ['fp16', 'bf16'], tfjs: [], webgpu: ['fp16'] });

  test.each([
    ['fp16', {}, twoGpus, full, 'cuda'],
    ['fp16', {}, twoGpus, having({ cuda: [], tfjs: [], webgpu: ['fp16'] }), 'webgpu'],
    ['fp16', {}, null, full, 'webgpu'],
    ['fp32', {}, null, having({ webgpu: [] }), 'webgpu'],
    ['bf16', {}, twoGpus, full, 'cuda'],
    ['fp16', { engine: 'webgpu' }, null, full, 'webgpu'],
    ['bf16', { gpus: [0] }, twoGpus, full, 'cuda'],
    ['fp32', { engine: 'cpu' }, null, nothing, 'cpu'],
  ] as const)('%s with %j: %#', async (precision, devices, script, probe, engine) => {
    expect(await chosen(precision, devices, script, probe)).toBe(engine);
  });

  const config = ['CONFIG_PRECISION', 3] as const;
  const engine = ['ENGINE_PRECISION', 4] as const;
  test.each([
    ['fp16', { engine: 'cpu' }, null, full, config, "the engine 'cpu' cannot train in fp16", '--engine webgpu'],
    ['fp16', { engine: 'tfjs' }, twoGpus, full, config, "the engine 'tfjs' cannot train in fp16", '--engine cuda'],
    [
      'bf16',
      { engine: 'webgpu' },
      null,
      full,
      config,
      "the engine 'webgpu' cannot",
      'choose --engine cuda or --engine torch.',
    ],
    ['fp16', { gpus: 'none' }, twoGpus, full, config, "the engine 'cpu' cannot train in fp16", '--engine webgpu'],
    ['fp16', { engine: 'webgpu' }, null, having({ webgpu: [] }), engine, 'GPU computes in fp32', 'doctor'],
    ['fp16', {}, null, nothing, engine, 'not installed (webgpu: no webgpu here)', 'Leave out --precision'],
    ['bf16', {}, null, full, engine, 'webgpu: GPU computes in fp32 and fp16', '--engine cuda'],
    ['fp16', { gpus: [0] }, twoGpus, having({ tfjs: [] }), engine, 'tfjs: GPU computes in fp32', 'doctor'],
  ] as const)(
    '%s with %j is an error where it cannot be had: %#',
    async (precision, devices, script, probe, [code, exitCode], message, hint) => {
      await expect(chosen(precision, devices, script, probe)).rejects.toMatchObject({
        code,
        exitCode,
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
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
