/*
 * `npm run archive -- RUN DIRECTORY`: a small copy of a completed run.
 */
import { archiveRun } from './archive.ts';

const [run, directory] = process.argv.slice(2);
if (run === undefined || directory === undefined) throw new Error('usage: npm run archive -- RUN DIRECTORY');
await archiveRun(run, directory);
