import { Command } from 'commander';
import { dataFormats, readsText } from '../config/data-formats.ts';
import type { Inspection } from '../data/inspect.ts';
import type { TextInspection } from '../data/text/inspect-text.ts';
import { countFigure } from '../report/figures.ts';
import { addDataOptions, type DataOptions, dataConfig } from './data-options.ts';

/** `incubate data inspect`: what a data set is. */
export function inspectCommand(): Command {
  const command = new Command('inspect').description(
    'show what a data set is: format, classes, counts, sizes of a sample, fingerprint, and problems found; or of text, its files and tokens',
  );
  addDataOptions(command, 'print what was found as one JSON document', dataFormats);
  return command
    .option('--vocabulary <n>', 'number of tokens of a text; 256: its bytes')
    .action(async (source: string, options: DataOptions & { readonly vocabulary?: string }) => {
      const { vocabulary } = options;
      const config = await dataConfig(
        source,
        options,
        vocabulary === undefined ? [] : [`data.vocabulary=${vocabulary}`],
      );
      if (readsText(config)) {
        const { inspectText } = await import('../data/text/inspect-text.ts');
        const found = await inspectText(config);
        process.stdout.write(options.json ? `${JSON.stringify(found, null, 2)}\n` : textInspectionText(found));
        return;
      }
      // Imported here, as the image library would slow `--help` down.
      const { inspectDataset } = await import('../data/inspect.ts');
      const found = await inspectDataset(config);
      process.stdout.write(options.json ? `${JSON.stringify(found, null, 2)}\n` : inspectionText(found));
    });
}

function textInspectionText(found: TextInspection): string {
  const { source, files, bytes, tokens, vocabulary, frequent, unseen, fingerprint, problems } = found;
  const counts = ({ train, validation }: TextInspection['bytes']) =>
    `${countFigure(train)} training, ${countFigure(validation)} validation`;
  const perToken = (bytes.train + bytes.validation) / (tokens.train + tokens.validation);
  return [
    `source       ${source}`,
    'format       text',
    `files        ${countFigure(files)}`,
    `bytes        ${counts(bytes)}`,
    `tokens       ${counts(tokens)}; ${perToken.toFixed(2)} bytes each`,
    `vocabulary   ${countFigure(vocabulary)}, of which ${countFigure(unseen)} do not occur in training`,
    `frequent     ${frequent.map(({ text, count }) => `${JSON.stringify(text)} (${countFigure(count)})`).join(', ')}`,
    `fingerprint  ${fingerprint}`,
    '',
    ...problemLines(problems),
  ].join('\n');
}

function problemLines(problems: readonly string[]): string[] {
  return [
    problems.length === 0 ? 'No problems found.' : `Problems found: ${problems.length}`,
    ...problems.map((problem) => `  - ${problem}`),
    '',
  ];
}

function inspectionText({ source, format, images, classes, sample, fingerprint, problems }: Inspection): string {
  const side = ({ width, height }: { width: number; height: number }) => `${width}×${height}`;
  const sizes = sample.sizes.map((size) => `${side(size)} (${size.images})`);
  const { smallest, largest } = sample;
  const range =
    smallest && largest && side(smallest) !== side(largest) ? `; from ${side(smallest)} to ${side(largest)}` : '';
  const names = classes.map(({ name }) => (/^[\w .,'()+-]*$/u.test(name) ? name : JSON.stringify(name)));
  const width = Math.max(5, ...names.map((name) => name.length));
  const row = (name: string, train: string, validation: string) =>
    `${name.padEnd(width)}  ${train.padStart(9)}  ${validation.padStart(10)}`;
  return [
    `source       ${source}`,
    `format       ${format}`,
    `images       ${countFigure(images.train)} training, ${countFigure(images.validation)} validation`,
    `sizes        ${sizes.join(', ') || 'unknown'}${range}, of ${sample.images} images`,
    `fingerprint  ${fingerprint}`,
    '',
    row('class', 'training', 'validation'),
    ...classes.map(({ train, validation }, label) =>
      row(names[label] as string, countFigure(train), countFigure(validation)),
    ),
    '',
    ...problemLines(problems),
  ].join('\n');
}
