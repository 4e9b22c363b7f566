import { readFile, writeFile } from 'node:fs/promises';
import { withKernelTable } from './kernel-table.ts';

const page = 'docs/engine.md';
await writeFile(page, withKernelTable(await readFile(page, 'utf8')));
