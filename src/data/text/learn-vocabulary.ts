import { merged } from './tokenizer.ts';
import type { Vocabulary } from './tokenizer-file.ts';

/** How often a pair of tokens occurs; what is in a heap may be older than what is known. */
interface PairCount {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

/** Pairs that occur less often are not worth a token. */
const FEWEST = 2;
/** Above every token. */
const RADIX = 2 ** 24;

/**
 * Learns byte pairs (BPE; Sennrich et al., ACL 2016): the pair of tokens that is most frequent within words becomes a token,
 * and so on until there are `size` tokens or no pair occurs twice. Of equally frequent pairs the one of the lowest numbers
 * comes first, so that the result depends on the words and their counts alone.
 *
 * @param words with how often each occurs
 */
export function learnVocabulary(words: ReadonlyMap<string, number>, size: number): Vocabulary {
  const tokens = Array.from({ length: 256 }, (_, byte) => Buffer.of(byte));
  const numbers = new Map(tokens.map((bytes, token) => [bytes.toString('latin1'), token]));
  const merges: Vocabulary['merges'][number][] = [];
  const spelt = Array.from(words, ([word, count]) => ({ parts: [...Buffer.from(word)] as readonly number[], count }));
  const counts = new Map<number, number>();
  /** Words in which a pair is, or was. */
  const places = new Map<number, Set<number>>();
  const candidates = createHeap();

  const change = (place: number, parts: readonly number[], by: number, touched: Set<number>) => {
    for (let at = 1; at < parts.length; at++) {
      const pair = (parts[at - 1] as number) * RADIX + (parts[at] as number);
      counts.set(pair, (counts.get(pair) ?? 0) + by);
      if (by < 0) continue;
      touched.add(pair);
      const known = places.get(pair);
      if (known) known.add(place);
      else places.set(pair, new Set([place]));
    }
  };
  const propose = (pairs: Iterable<number>) => {
    for (const pair of pairs) {
      const count = counts.get(pair) ?? 0;
      if (count >= FEWEST) candidates.push({ left: Math.floor(pair / RADIX), right: pair % RADIX, count });
    }
  };

  const all = new Set<number>();
  for (const [place, { parts, count }] of spelt.entries()) change(place, parts, count, all);
  propose(all);
  while (tokens.length < size) {
    const found = candidates.pop();
    if (!found) break;
    const pair = found.left * RADIX + found.right;
    if (counts.get(pair) !== found.count) {
      propose([pair]);
      continue;
    }
    const bytes = Buffer.concat([tokens[found.left] as Buffer, tokens[found.right] as Buffer]);
    const name = bytes.toString('latin1');
    const token = numbers.get(name) ?? tokens.length;
    if (token === tokens.length) tokens.push(bytes);
    numbers.set(name, token);
    const merge = { left: found.left, right: found.right, token };
    merges.push(merge);
    const touched = new Set<number>();
    for (const place of places.get(pair) ?? []) {
      const word = spelt[place] as (typeof spelt)[number];
      change(place, word.parts, -word.count, touched);
      word.parts = merged(word.parts, merge);
      change(place, word.parts, word.count, touched);
    }
    counts.delete(pair);
    places.delete(pair);
    propose(touched);
  }
  return { tokens, merges };
}

/** A binary heap of pairs, the most frequent one first. */
function createHeap() {
  const heap: PairCount[] = [];
  const isBefore = (a: PairCount, b: PairCount) =>
    a.count !== b.count ? a.count > b.count : a.left !== b.left ? a.left < b.left : a.right < b.right;
  const swap = (a: number, b: number) => {
    const moved = heap[a] as PairCount;
    heap[a] = heap[b] as PairCount;
    heap[b] = moved;
  };
  return {
    push(entry: PairCount): void {
      heap.push(entry);
      for (let at = heap.length - 1; at > 0; ) {
        const above = (at - 1) >> 1;
        if (!isBefore(heap[at] as PairCount, heap[above] as PairCount)) break;
        swap(at, above);
        at = above;
      }
    },
    pop(): PairCount | undefined {
      const first = heap[0];
      const last = heap.pop();
      if (heap.length === 0 || !last) return first;
      heap[0] = last;
      for (let at = 0; ; ) {
        const below = [2 * at + 1, 2 * at + 2].filter((child) => child < heap.length);
        const next = below.reduce(
          (best, child) => (isBefore(heap[child] as PairCount, heap[best] as PairCount) ? child : best),
          at,
        );
        if (next === at) break;
        swap(at, next);
        at = next;
      }
      return first;
    },
  };
}
