import { answer } from '../src/worker/answer.ts';
import { evaluateWeights } from '../src/worker/evaluate.ts';

await answer(evaluateWeights);
