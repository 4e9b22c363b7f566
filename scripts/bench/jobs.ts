/*
 * `npm run bench:jobs`: what two module jobs get done side by side, in processes of one thread each, beside one alone; and
 * for comparison two processes that compute nothing but products of matrices in their caches.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { alignTable } from '../../src/report/table.ts';
import { moduleJob } from './cases.ts';
import { median } from './median.ts';
import { type Peer, startPeer } from './peer.ts';
import { writeTask } from './task.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' }, json: { type: 'boolean' } } });

interface Row {
  readonly name: string;
  /** Seconds of a step, medians. */
  readonly alone: number;
  readonly together: number;
  /** Steps of two processes in the time that one alone takes for one, median over rounds. */
  readonly ratio: number;
}

const folder = await mkdtemp(join(tmpdir(), 'incubate bench '));
const rows: Row[] = [];
try {
  const task = join(folder, 'task.json');
  await writeFile(task, JSON.stringify({ ...(await writeTask(moduleJob, folder)), threads: 1 }));
  rows.push(await measure('products in the cache', 'product.js', []));
  rows.push(await measure(`module ${moduleJob.module} of ${moduleJob.name}`, 'ours.js', [task]));
} finally {
  await rm(folder, { recursive: true });
}
if (values.json) console.log(JSON.stringify({ rows }, null, 2));
else {
  const cells = rows.map(({ name, alone, together, ratio }) => [
    name,
    `${alone.toFixed(3)} s`,
    `${together.toFixed(3)} s`,
    ratio.toFixed(2),
  ]);
  console.log(alignTable([['job', 'step alone', 'beside another', 'work of two'], ...cells]));
}

async function measure(name: string, program: string, args: readonly string[]): Promise<Row> {
  const path = fileURLToPath(new URL(`peers/${program}`, import.meta.url));
  const peers: Peer[] = [];
  try {
    for (let count = 0; count < 2; count++) peers.push(await startPeer(process.execPath, [path, ...args], 1));
    const [first, second] = peers as [Peer, Peer];
    const steps = async (peer: Peer) => median((await peer.run(moduleJob.steps)).seconds);
    const both = () => Promise.all([steps(first), steps(second)]);
    await both();
    const rounds = [];
    for (let round = 0; round < Number(values.rounds); round++)
      rounds.push({ alone: await steps(first), both: await both() });
    return {
      name,
      alone: median(rounds.map(({ alone }) => alone)),
      together: median(rounds.flatMap(({ both: pair }) => pair)),
      ratio: median(rounds.map(({ alone, both: [one, other] }) => alone / one + alone / other)),
    };
  } finally {
    await Promise.all(peers.map((peer) => peer.end()));
  }
}
