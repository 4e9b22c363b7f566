import { openChannel } from '../src/worker/channel.ts';
import { startPulse } from '../src/worker/pulse.ts';

const [, , specPath, pulseDescriptor] = process.argv;
const pulse = startPulse(pulseDescriptor);
// Loading the engines takes a while, which the pulse shows.
const { runWorker } = await import('../src/worker/process.ts');
await runWorker(
  specPath,
  openChannel(() => pulse.enter('stopping')),
  pulse,
);
