import { openChannel } from '../src/worker/channel.ts';
import { runWorker } from '../src/worker/process.ts';

await runWorker(process.argv[2], openChannel());
