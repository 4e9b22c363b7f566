import { answer } from '../src/worker/answer.ts';
import { estimate } from '../src/worker/estimate.ts';

await answer(estimate);
