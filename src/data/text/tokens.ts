/** Tokens in as few bytes as their vocabulary takes. */
export type Tokens = Uint8Array | Uint16Array | Uint32Array;

/** Tokens of several documents, one after the other. */
export interface TokenisedText {
  readonly tokens: Tokens;
  /** Where each document ends. */
  readonly ends: readonly number[];
}

/** Takes tokens, as many as `capacity` at most; memory is taken as it fills. */
export function collectTokens(vocabulary: number, capacity: number) {
  const tokens =
    vocabulary <= 2 ** 8
      ? new Uint8Array(capacity)
      : vocabulary <= 2 ** 16
        ? new Uint16Array(capacity)
        : new Uint32Array(capacity);
  const ends: number[] = [];
  let length = 0;
  return {
    add(token: number): void {
      tokens[length++] = token;
    },
    endDocument(): void {
      ends.push(length);
    },
    text: (): TokenisedText => ({ tokens: tokens.subarray(0, length), ends }),
  };
}

/**
 * The beginning of every document, so much of each that together they are `limit` tokens at most. Of the same text, a smaller
 * part is contained in every larger one. What is given is overwritten.
 */
export function beginnings({ tokens, ends }: TokenisedText, limit: number): Tokens {
  if (limit >= tokens.length) return tokens;
  let length = 0;
  let start = 0;
  for (const end of ends) {
    const kept = Math.floor(((end - start) * limit) / tokens.length);
    tokens.copyWithin(length, start, start + kept);
    length += kept;
    start = end;
  }
  return tokens.subarray(0, length);
}
