import { probeEngine } from '../src/engine/probe.ts';
import { answer } from '../src/worker/answer.ts';

await answer(probeEngine);
