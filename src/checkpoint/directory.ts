import { createHash, randomUUID } from 'node:crypto';
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type FileContent, syncDirectory, writeError } from '../util/atomic-file.ts';
import { hasErrno, messageOf } from '../util/errors.ts';
import { sha256OfFile } from '../util/file-hash.ts';
import { makeDirectory } from '../util/make-directory.ts';

const MANIFEST = 'manifest.json';
const FORMAT = 1;
const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  step: z.int().min(0),
  /** How good the step is, the higher the better, where it was evaluated. */
  score: z.exactOptional(z.number()),
  files: z.record(z.string(), z.strictObject({ bytes: z.int().min(0), sha256: z.string() })),
  /** Of the manifest without this entry; absent in checkpoints of the first versions. */
  sha256: z.exactOptional(z.string()),
});
type Manifest = z.output<typeof manifestSchema>;

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

/** Asks to keep the best checkpoint too, beside the newest. */
export interface BestOf {
  /** How good the one that is saved is: higher is better; null where nobody knows. */
  readonly score: number | null;
}

/**
 * Saves a checkpoint directory `step-00000100` so that it appears whole or not at all: temporary directory → files,
 * each fsynced → manifest → fsync → rename → fsync of the parent. Then the oldest beyond `keep` are deleted, but with
 * `best` not the one of the highest score, the newest of several.
 *
 * @throws ENVIRONMENT_WRITE; earlier checkpoints are then untouched.
 */
export async function saveCheckpoint(
  root: string,
  step: number,
  files: Readonly<Record<string, FileContent>>,
  keep: number,
  best?: BestOf,
): Promise<Checkpoint> {
  const directory = join(root, directoryName(step));
  const temporary = join(root, `.${directoryName(step)}-${randomUUID()}`);
  try {
    await clearLeftovers(root);
    await makeDirectory(temporary);
    const entries: Record<string, { bytes: number; sha256: string }> = {};
    for (const [name, content] of Object.entries(files))
      entries[name] = await writeHashed(join(temporary, name), content);
    await writeHashed(
      join(temporary, MANIFEST),
      manifestText({ format: FORMAT, step, ...scoreOf(best), files: entries }),
    );
    await syncDirectory(temporary);
    await moveInto(directory, temporary);
    await syncDirectory(root);
    await clearLeftovers(root);
    await prune(root, step, keep, best !== undefined);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw writeError(directory, error);
  }
  return { step, directory };
}

/** The newest intact checkpoint below `root`, in numeric order of their steps. */
export async function findCheckpoint(root: string): Promise<CheckpointSearch> {
  const rejected: { directory: string; reason: string }[] = [];
  for (const step of (await stepsIn(root)).reverse()) {
    const directory = join(root, directoryName(step));
    const reason = await damage(directory, step, 'content');
    if (reason === null) return { checkpoint: { step, directory }, rejected };
    rejected.push({ directory, reason });
  }
  return { checkpoint: null, rejected };
}

/**
 * Gives a whole directory its name. One that has the name was found damaged, or the same step is saved over it: it is kept
 * beside until its successor is in place.
 */
async function moveInto(directory: string, temporary: string): Promise<void> {
  const replaced = `${temporary}-replaced`;
  const isReplaced = await rename(directory, replaced).then(
    () => true,
    (error: unknown) => {
      if (hasErrno(error, 'ENOENT')) return false;
      throw error;
    },
  );
  try {
    await rename(temporary, directory);
  } catch (error) {
    if (isReplaced) await rename(replaced, directory);
    throw error;
  }
}

function directoryName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

async function namesIn(root: string): Promise<string[]> {
  return readdir(root).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });
}

async function stepsIn(root: string): Promise<number[]> {
  return (await namesIn(root))
    .flatMap((name) => /^step-(\d{8,})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** What is wrong with a checkpoint directory, or null; `sizes` alone are quick to compare. */
async function damage(directory: string, step: number, depth: 'sizes' | 'content'): Promise<string | null> {
  try {
    const text = await readFile(join(directory, MANIFEST), 'utf8');
    const manifest = manifestSchema.parse(JSON.parse(text));
    if (manifest.sha256 !== undefined && text !== manifestText(JSON.parse(text))) {
      return `${MANIFEST} does not match its SHA-256`;
    }
    if (manifest.step !== step) return `its manifest is of step ${manifest.step}`;
    const expected = Object.keys(manifest.files);
    const extra = (await readdir(directory)).find((name) => name !== MANIFEST && !expected.includes(name));
    if (extra !== undefined) return `${extra} is not in its manifest`;
    for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
      const path = join(directory, name);
      const { size } = await stat(path);
      if (size !== bytes) return `${name} has ${size} bytes instead of ${bytes}`;
      if (depth === 'content' && (await sha256OfFile(path)) !== sha256) return `${name} does not match its SHA-256`;
    }
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** A manifest as it is written: its own SHA-256 and its form leave no byte that could change unnoticed. */
function manifestText({ sha256: _, ...content }: Manifest): string {
  const text = JSON.stringify(content, null, 2);
  const sha256 = createHash('sha256').update(text).digest('hex');
  return `${JSON.stringify({ ...content, sha256 }, null, 2)}\n`;
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

/** Deletes temporary directories that a crash left, before their space is needed. */
async function clearLeftovers(root: string): Promise<void> {
  const names = await namesIn(root);
  for (const name of names) if (name.startsWith('.step-')) await rm(join(root, name), { recursive: true, force: true });
}

/**
 * Deletes all but the newest `keep` checkpoints up to the one just saved.
 * Checkpoints of later steps were found damaged when training went back behind them, so they go too.
 */
async function prune(root: string, saved: number, keep: number, keepBest: boolean): Promise<void> {
  const steps = await stepsIn(root);
  const earlier = steps.filter((step) => step <= saved);
  const kept = [...earlier.slice(-keep), ...(keepBest ? await bestOf(root, earlier) : [])];
  const superfluous = steps.filter((step) => !kept.includes(step)).map(directoryName);
  for (const name of superfluous) await rm(join(root, name), { recursive: true, force: true });
}

/** The step of the highest score, the latest of several that are alike. A torn one does not count. */
async function bestOf(root: string, steps: readonly number[]): Promise<number[]> {
  const scored = await Promise.all(steps.map(async (step) => ({ step, score: await readScore(root, step) })));
  const descending = scored
    .filter((entry): entry is { step: number; score: number } => entry.score !== undefined)
    .sort((a, b) => b.score - a.score || b.step - a.step);
  for (const { step } of descending) {
    if ((await damage(join(root, directoryName(step)), step, 'sizes')) === null) return [step];
  }
  return [];
}

async function readScore(root: string, step: number): Promise<number | undefined> {
  try {
    const content = await readFile(join(root, directoryName(step), MANIFEST), 'utf8');
    return manifestSchema.parse(JSON.parse(content)).score;
  } catch {
    return undefined;
  }
}

function scoreOf(best: BestOf | undefined): { readonly score?: number } {
  return best && best.score !== null && Number.isFinite(best.score) ? { score: best.score } : {};
}
