import { probeEngines } from '../src/engine/engines.ts';
import { answer } from '../src/worker/answer.ts';

await answer(probeEngines);
