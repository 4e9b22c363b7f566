import { runStageProcess } from '../src/stages/process.ts';

runStageProcess();
