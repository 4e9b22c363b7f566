import { execa } from 'execa';
import { IncubateError, serializeError } from '../util/errors.ts';
import { workerFlags } from '../util/garbage.ts';
import { packagePath } from '../util/package.ts';
import type { StageCommand, StageReply } from './messages.ts';

/** A stage's process, for the one before it. */
export interface StageLink {
  send(command: StageCommand): void;
  /** Ends the process and those behind it. */
  end(): void;
}

/**
 * Starts the process of a stage.
 *
 * @param device its CUDA_VISIBLE_DEVICES
 * @param onReply told what the stage and those behind it reply; RETRY_STAGE where its process ends by itself
 */
export function startStage(index: number, device: string, onReply: (reply: StageReply) => void): StageLink {
  const subprocess = execa(process.execPath, [...workerFlags, packagePath('dist/programs/stage.js')], {
    env: { CUDA_VISIBLE_DEVICES: device },
    // What it writes belongs to the job's log.
    stdio: ['ignore', 'inherit', 'inherit'],
    ipc: true,
    serialization: 'advanced',
    buffer: false,
    reject: false,
  });
  let isOver = false;
  subprocess.on('message', (reply: StageReply) => {
    if (isOver) return;
    isOver = reply.type === 'failed';
    onReply(reply);
  });
  subprocess.then(({ signal, exitCode, shortMessage }) => {
    if (isOver) return;
    isOver = true;
    const how = signal === undefined ? `exited with status ${exitCode ?? shortMessage}` : `was ended by ${signal}`;
    const error = new IncubateError('RETRY_STAGE', `the process that trains module ${index} ${how}`, {
      hint: "The job's log has its last words.",
    });
    onReply({ type: 'failed', error: serializeError(error) });
  });
  return {
    send(command) {
      // The channel may close at any moment; the exit tells the rest.
      if (subprocess.connected) subprocess.send(command, () => {});
    },
    end() {
      isOver = true;
      if (subprocess.connected) subprocess.disconnect();
    },
  };
}
