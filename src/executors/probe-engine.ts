import type { EngineName } from '../config/engines.ts';
import { type EngineProbe, engineProbeSchema, type ProbeRequest, unavailableProbe } from '../protocol/probe.ts';
import { messageOf } from '../util/errors.ts';
import { askWorker } from './ask.ts';

export interface ProbeOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly timeoutSeconds?: number;
}

/** Loading CUDA's libraries from a cold disk takes several seconds. */
const TIMEOUT_SECONDS = 30;

/** Tries an engine in a process of its own. Never throws: a driver that crashes or hangs is an engine that does not work. */
export async function probeEngine(engine: EngineName, options: ProbeOptions = {}): Promise<EngineProbe> {
  const request: ProbeRequest = { engine };
  try {
    return await askWorker('probe', request, engineProbeSchema, { timeoutSeconds: TIMEOUT_SECONDS, ...options });
  } catch (error) {
    return unavailableProbe(engine, messageOf(error));
  }
}
