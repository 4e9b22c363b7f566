import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export interface DocumentedCommand {
  readonly page: string;
  /** The words of a command line, the program first; `npx` before it is left out. */
  readonly words: readonly string[];
}

/** Every command in the fenced blocks of README.md and docs/ that are shell or console. */
export async function documentedCommands(): Promise<DocumentedCommand[]> {
  const pages = (await readdir(join(root, 'docs'), { recursive: true })).filter((name) => name.endsWith('.md'));
  const found: DocumentedCommand[] = [];
  for (const page of ['README.md', ...pages.map((name) => join('docs', name))]) {
    const text = await readFile(join(root, page), 'utf8');
    for (const [, language, block = ''] of text.matchAll(/^```(sh|console)\n([\s\S]*?)^```$/gm)) {
      const lines = block.split('\n').filter((line) => line !== '');
      const typed = language === 'sh' ? lines : lines.flatMap((line) => /^\$ (.*)$/.exec(line)?.slice(1) ?? []);
      for (const line of typed) for (const words of commandsOf(line)) found.push({ page, words });
    }
  }
  return found;
}

/** The commands of a line: those that `&&` joins, or the one whose output is substituted. */
function commandsOf(line: string): string[][] {
  const substituted = /\$\((.*)\)/.exec(line)?.[1];
  const commands: string[][] = [[]];
  for (const word of wordsOf(substituted ?? line)) {
    if (word === '&&') commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands.map((words) => (words[0] === 'npx' ? words.slice(1) : words)).filter((words) => words.length > 0);
}

/** Words as a shell would split them, without the comment behind them. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  const comment = words.findIndex((word) => word.startsWith('#'));
  return words.slice(0, comment < 0 ? undefined : comment).map((word) => word.replaceAll(/['"]/g, ''));
}
