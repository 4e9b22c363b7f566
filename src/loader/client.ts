import type { Batch, BatchKey } from '../data/dataset.ts';
import type { DatasetIdentity } from '../protocol/run.ts';
import { type ErrorCode, IncubateError, messageOf, type SerializedError, UNEXPECTED } from '../util/errors.ts';
import { readBatch } from './batch-slots.ts';
import { openLink } from './link.ts';
import {
  type Answer,
  type ImageAnswer,
  LOADER_PROTOCOL,
  MAX_UNANSWERED,
  type Request,
  type SplitName,
} from './messages.ts';
import { LABELS_OFFSET, openSharedFile, type SharedReader } from './shared-file.ts';

/** A consumer's side of a run's loader. Nothing here fails for want of a loader: it then says so once and gives null. */
export interface LoaderClient {
  /** The labels of all images; null where there is no loader to tell them. */
  labels(): Promise<Labels | null>;
  /** An image that the loader is known to have, at once; null: it is known to have none; undefined: it has to be asked. */
  known(split: SplitName, index: number): Uint8Array | null | undefined;
  /** An image; null where the loader has none. Rejects with what reading it threw. */
  image(split: SplitName, index: number): Promise<Uint8Array | null>;
  /** A batch; null where the loader has none. Rejects with what reading its images threw. */
  batch(key: BatchKey): Promise<Batch | null>;
  close(): void;
}

export type Labels = Readonly<Record<SplitName, Int32Array>>;

export interface ClientOptions {
  readonly address: string;
  readonly dataset: DatasetIdentity;
  /** Of an image as the model takes it. */
  readonly imageBytes: number;
  readonly onWarning: (message: string) => void;
}

/** Images asked for by one message, so that the first batch need not wait for all that are prepared ahead. */
const CHUNK = 256;
/** Requests under way, well below what the loader lets pass. */
const MAX_SENT = MAX_UNANSWERED / 4;

/** Stands for the place of an image for which a loader has no room: nothing lies there. */
const NOWHERE = 0;

interface ImageWaiter {
  readonly split: SplitName;
  readonly index: number;
  readonly resolve: (image: Uint8Array | null) => void;
  readonly reject: (error: Error) => void;
}

interface BatchWaiter {
  readonly key: BatchKey;
  readonly resolve: (batch: Batch | null) => void;
  readonly reject: (error: Error) => void;
}

type Waiter = { readonly images: readonly ImageWaiter[] } | { readonly batch: BatchWaiter };

export function openLoaderClient({ address, dataset, imageBytes, onWarning }: ClientOptions): LoaderClient {
  let reader: SharedReader | undefined;
  let places: Record<SplitName, number[]> = { train: [], validation: [] };
  let isWelcome = false;
  /** Nobody is waited for: what is asked for has null at once until the loader answers again. */
  let isAlone = false;
  let isWarned = false;
  let nextId = 0;
  let collected: ImageWaiter[] = [];
  const queue: Waiter[] = [];
  /** Who waits for the labels. */
  const curious: ((labels: Labels | null) => void)[] = [];
  const sent = new Map<number, Waiter>();

  const link = openLink(address, {
    onConnected() {
      isWelcome = false;
      link.send({ type: 'hello', protocol: LOADER_PROTOCOL, fingerprint: dataset.fingerprint });
    },
    onAnswer(answer) {
      handle(answer);
    },
    onPatienceLost: (why) => goAlone(`the loader ${why}`),
    isWaiting: () => sent.size + queue.length + curious.length > 0,
  });

  const goAlone = (why: string) => {
    isAlone = true;
    isWelcome = false;
    if (!isWarned) onWarning(`${why}, so this job decodes images itself`);
    isWarned = true;
    giveUp();
  };

  const giveUp = () => {
    for (const waiter of [...sent.values(), ...queue.splice(0)]) giveNothing(waiter);
    for (const resolve of curious.splice(0)) resolve(null);
    sent.clear();
  };

  const handle = (answer: Answer) => {
    if (answer.type === 'alive') return;
    if (answer.type === 'welcome') return greet(answer.file, answer.mark);
    if (answer.type === 'refused') {
      link.close();
      return goAlone(`the loader does not serve this job: ${answer.reason}`);
    }
    const waiter = sent.get(answer.id);
    if (!waiter) return;
    sent.delete(answer.id);
    if (answer.type === 'failed') {
      if (answer.error) reject(waiter, errorOf(answer.error));
      else giveNothing(waiter);
    } else if (answer.type === 'images' && 'images' in waiter) {
      for (const [place, image] of waiter.images.entries()) take(image, answer.images[place] ?? null);
    } else if (answer.type === 'batch' && 'batch' in waiter) takeBatch(waiter, answer);
    else giveNothing(waiter);
    flush();
  };

  /** Another loader may have taken the place of the one before: what was asked of that is asked again. */
  const greet = (file: string, mark: string) => {
    reader?.close();
    reader = undefined;
    places = { train: [], validation: [] };
    try {
      reader = openSharedFile(file, mark);
    } catch (error) {
      link.close();
      return goAlone(`the loader's memory cannot be read (${messageOf(error)})`);
    }
    isWelcome = true;
    isAlone = false;
    for (const resolve of curious.splice(0)) resolve(attempt(readLabels));
    queue.unshift(...sent.values());
    sent.clear();
    flush();
  };

  const readLabels = (): Labels | null => {
    const train = new Int32Array(dataset.train);
    const validation = new Int32Array(dataset.validation);
    reader?.read(new Uint8Array(train.buffer), LABELS_OFFSET);
    reader?.read(new Uint8Array(validation.buffer), LABELS_OFFSET + train.byteLength);
    return { train, validation };
  };

  const flush = () => {
    while (isWelcome && queue.length > 0 && sent.size < MAX_SENT) {
      const waiter = queue.shift() as Waiter;
      const id = nextId++;
      sent.set(id, waiter);
      link.send(requestOf(id, waiter));
    }
  };

  const enqueue = (waiter: Waiter) => {
    if (isAlone) return giveNothing(waiter);
    queue.push(waiter);
    flush();
  };

  /** Images of one turn of the event loop are asked for together. */
  const flushImages = () => {
    const images = collected;
    collected = [];
    for (let from = 0; from < images.length; from += CHUNK) {
      const chunk = images.slice(from, from + CHUNK);
      const [first] = chunk;
      if (chunk.every(({ split }) => split === first?.split)) enqueue({ images: chunk });
      else for (const image of chunk) enqueue({ images: [image] });
    }
  };

  const read = (offset: number): Uint8Array | null =>
    attempt(() => {
      const image = new Uint8Array(imageBytes);
      if (!reader) return null;
      reader.read(image, offset);
      return image;
    });

  const take = ({ split, index, resolve, reject }: ImageWaiter, found: ImageAnswer) => {
    if (found !== null && 'error' in found) return reject(errorOf(found.error));
    const [offset] = found ?? [NOWHERE];
    places[split][index] = offset;
    resolve(offset === NOWHERE ? null : read(offset));
  };

  const takeBatch = (
    waiter: { readonly batch: BatchWaiter },
    { id, damaged, ...place }: Extract<Answer, { type: 'batch' }>,
  ) => {
    const batch = attempt(() => reader && readBatch(reader.read, { ...place, imageBytes }));
    link.send({ type: 'done', id });
    // Where its slot was needed while this process did something else for long, it is asked for again.
    if (batch === undefined) enqueue(waiter);
    else waiter.batch.resolve(batch && damaged ? { ...batch, damaged } : batch);
  };

  return {
    labels: () =>
      new Promise((resolve) => {
        if (isAlone) resolve(null);
        else if (isWelcome) resolve(attempt(readLabels));
        else curious.push(resolve);
      }),
    known(split, index) {
      const offset = places[split][index];
      return offset === undefined ? undefined : offset === NOWHERE ? null : read(offset);
    },
    image: (split, index) =>
      new Promise((resolve, reject) => {
        if (collected.length === 0) queueMicrotask(flushImages);
        collected.push({ split, index, resolve, reject });
      }),
    batch: (key) => new Promise((resolve, reject) => enqueue({ batch: { key, resolve, reject } })),
    close() {
      link.close();
      reader?.close();
      reader = undefined;
      isAlone = true;
      giveUp();
    },
  };
}

function requestOf(id: number, waiter: Waiter): Request {
  if ('batch' in waiter) return { type: 'batch', id, key: waiter.batch.key };
  const { images } = waiter;
  return {
    type: 'images',
    id,
    split: (images[0] as ImageWaiter).split,
    indices: images.map(({ index }) => index),
  };
}

function giveNothing(waiter: Waiter): void {
  if ('batch' in waiter) waiter.batch.resolve(null);
  else for (const { resolve } of waiter.images) resolve(null);
}

function reject(waiter: Waiter, error: Error): void {
  if ('batch' in waiter) waiter.batch.reject(error);
  else for (const image of waiter.images) image.reject(error);
}

/** What was read; null where the shared file cannot be read, without which a job gets on too. */
function attempt<Value>(work: () => Value): Value | null {
  try {
    return work();
  } catch {
    return null;
  }
}

/** What the loader threw, as if it had been thrown here. */
function errorOf({ code, message, hint }: SerializedError): Error {
  if (code === UNEXPECTED) return new Error(message);
  return new IncubateError(code as ErrorCode, message, hint === undefined ? {} : { hint });
}
