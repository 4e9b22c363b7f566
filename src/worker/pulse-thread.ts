import { Socket } from 'node:net';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { BEAT_INTERVAL, beatLine, type LivingState } from '../protocol/pulse.ts';
import type { PulseData } from './pulse.ts';

/** The life of the thread that beats. It imports as little as possible: each worker process has one. */
export function beat({ descriptor, advances } = workerData as PulseData, port = parentPort as MessagePort): void {
  let state: LivingState = 'starting';
  const pipe = new Socket({ fd: descriptor, readable: true, writable: true });
  const send = () => {
    // A coordinator that does not listen, for it is suspended, need not hear of each beat later.
    if (pipe.writableLength === 0) pipe.write(beatLine({ state, advances: Atomics.load(advances, 0) }));
  };
  pipe.on('error', () => {});
  pipe.on('close', killOwnGroup);
  pipe.resume();
  port.on('message', (entered: LivingState) => {
    state = entered;
    send();
  });
  send();
  setInterval(send, BEAT_INTERVAL);
}

/** The coordinator leads no process of this group: the executor made the worker its leader. */
function killOwnGroup(): void {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    process.kill(process.pid, 'SIGKILL');
  }
}
