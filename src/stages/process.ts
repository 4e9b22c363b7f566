import { serializeError } from '../util/errors.ts';
import { peakBytes } from '../util/peak-memory.ts';
import { type StageLink, startStage } from './link.ts';
import type { Lesson, StageCommand, StageReply } from './messages.ts';
import { createReplayBuffer, type ReplayBuffer } from './replay-buffer.ts';
import { openStage, type Stage } from './stage.ts';

/**
 * The life of a stage's process: it starts the one behind it, passes on what concerns that, and trains its module by what
 * the one before it gives. It ends with the channel to that.
 */
export function runStageProcess(): void {
  let stage: Promise<Stage> | undefined;
  let place = 0;
  let next: StageLink | undefined;
  let lessons: ReplayBuffer<Lesson> | undefined;
  /** Ends when all has been done that was told so far. */
  let work = Promise.resolve();

  const reply = (message: StageReply, then: () => void = () => {}) => process.send?.(message, undefined, {}, then);
  const fail = (error: unknown) => {
    console.error(error);
    reply({ type: 'failed', error: serializeError(error) }, () => process.exit(1));
  };
  const inTurn = (task: (stage: Stage) => Promise<void>) => {
    work = work.then(async () => task(await (stage as Promise<Stage>)));
    work.catch(fail);
  };

  const handle = (command: StageCommand) => {
    switch (command.type) {
      case 'open': {
        const { index, spec, states } = command;
        const [state = {}, ...others] = states;
        place = index;
        lessons = createReplayBuffer(spec.config.method.replayBuffer);
        if (others.length > 0) {
          const device = spec.devices[(index + 1) % spec.devices.length] ?? '';
          next = startStage(index + 1, device, (message) => reply(message));
          next.send({ type: 'open', index: index + 1, spec, states: others });
        }
        stage = openStage(spec, index, state);
        return inTurn(async () => {});
      }
      case 'step': {
        const { step, lr, batch } = command;
        next?.send({ type: 'step', step, lr });
        return inTurn(async (own) => {
          const lesson = batch ? own.draw(batch, step) : await (lessons as ReplayBuffer<Lesson>).take();
          const learnt = await own.learn(lesson, step, lr);
          if (learnt.next) next?.send({ type: 'lesson', ...learnt.next });
          reply({ type: 'stepped', index: place, step, loss: learnt.loss, peakBytes: peakBytes() });
        });
      }
      case 'lesson': {
        const { type, ...lesson } = command;
        return lessons?.put(lesson);
      }
      case 'write': {
        const [state = {}, ...others] = command.states;
        next?.send({ type: 'write', states: others });
        return inTurn(async (own) => own.write(state));
      }
      case 'read': {
        const { request, names } = command;
        next?.send(command);
        return inTurn(async (own) => {
          reply({ type: 'tensors', index: place, request, tensors: await own.read(names) });
        });
      }
    }
  };
  process.on('message', handle);
  process.on('disconnect', () => process.exit(0));
  // They reach all processes of the job, whose worker then asks for what it saves.
  process.on('SIGTERM', () => {});
  process.on('SIGINT', () => {});
}
