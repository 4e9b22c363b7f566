/**
 * What a worker is doing. Every worker begins with `starting` (programs are loaded, data is opened) and ends with
 * `exited`, which the coordinator alone can say.
 */
export type WorkerState = 'starting' | 'compiling' | 'running' | 'checkpointing' | 'stopping' | 'exited';

/** A state that a worker can be in while it lives. */
export type LivingState = Exclude<WorkerState, 'exited'>;

/** A sign of life, which comes whether the worker's main thread is busy or not. */
export interface Beat {
  readonly state: LivingState;
  /** Programs run and files written so far: a main thread that hangs no longer counts. */
  readonly advances: number;
}

/** Milliseconds between two signs of life. */
export const BEAT_INTERVAL = 500;

/** Descriptor of the pipe that a worker beats on: the one after standard error. */
export const PULSE_DESCRIPTOR = 3;

export function beatLine({ state, advances }: Beat): string {
  return `${state} ${advances}\n`;
}

/** Reads beats from text that arrives in pieces; what is none is left out. */
export function createBeatReader(onBeat: (beat: Beat) => void): (piece: string) => void {
  let rest = '';
  return (piece) => {
    const lines = (rest + piece).split('\n');
    rest = (lines.pop() ?? '').slice(-MAX_LINE);
    for (const line of lines) {
      const [, state, advances] = beat.exec(line) ?? [];
      if (state !== undefined) onBeat({ state: state as LivingState, advances: Number(advances) });
    }
  };
}

const MAX_LINE = 80;
const beat = /^(starting|compiling|running|checkpointing|stopping) (\d{1,15})$/;
