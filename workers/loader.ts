import { startPulse } from '../src/worker/pulse.ts';

const [, , specPath, pulseDescriptor] = process.argv;
const pulse = startPulse(pulseDescriptor);
const { runLoaderProcess } = await import('../src/loader/process.ts');
await runLoaderProcess(specPath, { onReady: () => pulse.enter('running'), onAlive: () => pulse.advance() });
