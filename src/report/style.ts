import type { WriteStream } from 'node:tty';

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

/** Colours a text, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

/** What progress is written to. */
export type TextStream = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>;

const codes: Record<Colour, readonly [number, number]> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  dim: [2, 22],
  bold: [1, 22],
};

/** Colours on terminals; NO_COLOR switches them off, FORCE_COLOR on. */
export function paintFor(stream: TextStream, environment: NodeJS.ProcessEnv = process.env): Paint {
  if (!wantsColour(stream, environment)) return (_, text) => text;
  return (colour, text) => `\u001b[${codes[colour][0]}m${text}\u001b[${codes[colour][1]}m`;
}

/** Whether lines may be rewritten: on a terminal that can and knows its size, where a person is likely to watch. */
export function isLive(stream: TextStream, environment: NodeJS.ProcessEnv = process.env): boolean {
  const ci = environment.CI !== undefined && !['', '0', 'false'].includes(environment.CI);
  const sized = stream.columns !== 0 && stream.rows !== 0;
  return stream.isTTY === true && sized && environment.TERM !== 'dumb' && !ci;
}

function wantsColour(stream: TextStream, { NO_COLOR, FORCE_COLOR, TERM }: NodeJS.ProcessEnv): boolean {
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return !['0', 'false'].includes(FORCE_COLOR);
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  return stream.isTTY === true && TERM !== 'dumb';
}
