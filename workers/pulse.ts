import { beat } from '../src/worker/pulse-thread.ts';

beat();
