import { isUtf8 } from 'node:buffer';

/**
 * GPT-2's words (Radford et al., 2019): a contraction's ending, or letters, digits or other signs, each with the space
 * before them; or white space. What is longer is several words, so that none takes long to be looked at.
 */
const WORD =
  /'(?:[sdmt]|ll|ve|re)| ?\p{L}{1,256}| ?\p{N}{1,256}| ?[^\p{White_Space}\p{L}\p{N}]{1,256}|\p{White_Space}{1,256}(?!\P{White_Space})|\p{White_Space}{1,256}/gu;

/** Calls with every word of a text in its order, and with the byte where there is no UTF-8. */
export function eachWord(text: Buffer, visit: (word: string | number) => void): void {
  const isValid = isUtf8(text);
  for (let from = 0; from < text.length; ) {
    const to = isValid ? text.length : validUntil(text, from);
    for (const [word] of text.toString('utf8', from, to).matchAll(WORD)) visit(word);
    if (to < text.length) visit(text[to] as number);
    from = to + 1;
  }
}

/** Where the UTF-8 that begins at a place ends. */
function validUntil(text: Buffer, from: number): number {
  let at = from;
  for (let length = characterAt(text, at); length > 0; length = characterAt(text, at)) at += length;
  return at;
}

/** Bytes of the character at a place; 0 where there is none. */
function characterAt(text: Buffer, at: number): number {
  const first = text[at];
  if (first === undefined) return 0;
  if (first < 0x80) return 1;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const character = text.subarray(at, at + length);
  return character.length === length && isUtf8(character) ? length : 0;
}
