import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expect, test } from 'vitest';

/** What is loaded at run time, in the end, by importing a source file: files and packages. */
function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const source = readFileSync(file, 'utf8');
  for (const [statement, target = ''] of source.matchAll(
    /^(?:import|export)\b[^;]*?\bfrom '([^']+)';|^import '([^']+)';/gm,
  )) {
    if (/^(?:import|export) type\b/.test(statement)) continue;
    if (target.startsWith('.')) loadedBy(resolve(dirname(file), target), seen);
    else seen.add(target);
  }
  return seen;
}

test.each(['train', 'resume', 'status', 'sweep', 'compare'])(
  'the process of `incubate %s` loads no tensor library',
  (command) => {
    const loaded = [...loadedBy(resolve(import.meta.dirname, `../../../src/cli/${command}.ts`))];
    expect(loaded).toContain('commander');
    expect(loaded.filter((name) => /^(?:@tensorflow\/|onnxruntime|sharp)/.test(name))).toEqual([]);
  },
);
