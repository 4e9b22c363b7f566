import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type FileContent, syncDirectory, writeError } from '../util/atomic-file.ts';
import { hasErrno, messageOf } from '../util/errors.ts';
import { sha256OfFile } from '../util/file-hash.ts';

const MANIFEST = 'manifest.json';
const FORMAT = 1;
const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  step: z.int().min(0),
  files: z.record(z.string(), z.strictObject({ bytes: z.int().min(0), sha256: z.string() })),
});

/** A checkpoint whose manifest and files were found intact. */
export interface Checkpoint {
  readonly step: number;
  readonly directory: string;
}

export interface CheckpointSearch {
  /** The newest intact checkpoint, or null. */
  readonly checkpoint: Checkpoint | null;
  /** Newer ones that were passed over, newest first. */
  readonly rejected: readonly { readonly directory: string; readonly reason: string }[];
}

/**
 * Saves a checkpoint directory `step-00000100` so that it appears whole or not at all: temporary directory → files,
 * each fsynced → manifest → fsync → rename → fsync of the parent. Then the oldest beyond `keep` are deleted.
 *
 * @throws ENVIRONMENT_WRITE; earlier checkpoints are then untouched.
 */
export async function saveCheckpoint(
  root: string,
  step: number,
  files: Readonly<Record<string, FileContent>>,
  keep: number,
): Promise<Checkpoint> {
  const directory = join(root, directoryName(step));
  const temporary = join(root, `.${directoryName(step)}-${randomUUID()}`);
  try {
    await mkdir(temporary, { recursive: true });
    const entries: Record<string, { bytes: number; sha256: string }> = {};
    for (const [name, content] of Object.entries(files))
      entries[name] = await writeHashed(join(temporary, name), content);
    await writeHashed(
      join(temporary, MANIFEST),
      `${JSON.stringify({ format: FORMAT, step, files: entries }, null, 2)}\n`,
    );
    await syncDirectory(temporary);
    // A directory of this step can only be one that was found damaged or that the same step is saved over.
    await rm(directory, { recursive: true, force: true });
    await rename(temporary, directory);
    await syncDirectory(root);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw writeError(directory, error);
  }
  await prune(root, step, keep);
  return { step, directory };
}

/** The newest intact checkpoint below `root`, in numeric order of their steps. */
export async function findCheckpoint(root: string): Promise<CheckpointSearch> {
  const rejected: { directory: string; reason: string }[] = [];
  for (const step of (await stepsIn(root)).reverse()) {
    const directory = join(root, directoryName(step));
    const reason = await damage(directory, step);
    if (reason === null) return { checkpoint: { step, directory }, rejected };
    rejected.push({ directory, reason });
  }
  return { checkpoint: null, rejected };
}

function directoryName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

async function stepsIn(root: string): Promise<number[]> {
  const names = await readdir(root).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });
  return names
    .flatMap((name) => /^step-(\d{8,})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** What is wrong with a checkpoint directory, or null. */
async function damage(directory: string, step: number): Promise<string | null> {
  try {
    const manifest = manifestSchema.parse(JSON.parse(await readFile(join(directory, MANIFEST), 'utf8')));
    if (manifest.step !== step) return `its manifest is of step ${manifest.step}`;
    const expected = Object.keys(manifest.files);
    const extra = (await readdir(directory)).find((name) => name !== MANIFEST && !expected.includes(name));
    if (extra !== undefined) return `${extra} is not in its manifest`;
    for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
      const path = join(directory, name);
      const { size } = await stat(path);
      if (size !== bytes) return `${name} has ${size} bytes instead of ${bytes}`;
      if ((await sha256OfFile(path)) !== sha256) return `${name} does not match its SHA-256`;
    }
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

async function writeHashed(path: string, content: FileContent): Promise<{ bytes: number; sha256: string }> {
  const pieces = typeof content === 'string' ? [new TextEncoder().encode(content)] : content;
  const chunks = pieces instanceof Uint8Array ? [pieces] : [...pieces];
  const hash = createHash('sha256');
  let bytes = 0;
  for (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  const file = await open(path, 'wx');
  try {
    await writeFile(file, chunks);
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

/**
 * Deletes all but the newest `keep` checkpoints up to the one just saved, and temporary directories that a crash left.
 * Checkpoints of later steps were found damaged when training went back behind them, so they go too.
 */
async function prune(root: string, saved: number, keep: number): Promise<void> {
  const steps = await stepsIn(root);
  const kept = steps.filter((step) => step <= saved).slice(-keep);
  const superfluous = steps.filter((step) => !kept.includes(step)).map(directoryName);
  const leftovers = (await readdir(root)).filter((name) => name.startsWith('.step-'));
  for (const name of [...superfluous, ...leftovers]) await rm(join(root, name), { recursive: true, force: true });
}
