import { IncubateError } from '../../util/errors.ts';

/** The classes that labels stand for: in numeric order where all of them are numbers, otherwise by their code units. */
export function classesOf(labels: Iterable<string>): string[] {
  const classes = [...new Set(labels)];
  const areNumbers = classes.every((name) => /^(0|[1-9]\d{0,8})$/.test(name));
  return areNumbers ? classes.sort((a, b) => Number(a) - Number(b)) : classes.sort();
}

/** Throws DATA_CLASSES where there are fewer than two. */
export function checkClasses(place: string, classes: readonly string[]): void {
  if (classes.length >= 2) return;
  const found = classes.length === 0 ? 'no classes' : `only the class '${classes[0]}'`;
  throw new IncubateError('DATA_CLASSES', `${place} holds ${found}, but at least two are needed`, {
    hint: 'Add labelled images of other classes.',
  });
}

/** Numbers of the classes that labels stand for. Throws DATA_CLASSES naming one that training images do not have. */
export function labelNumbers(place: string, labels: readonly string[], classes: readonly string[]): Int32Array {
  const numbers = new Map(classes.map((name, label) => [name, label]));
  return Int32Array.from(labels, (name) => {
    const label = numbers.get(name);
    if (label !== undefined) return label;
    throw new IncubateError(
      'DATA_CLASSES',
      `${place}: validation images have the class '${name}', but no training image has`,
      { hint: 'Add training images of the class, or remove the validation images that have it.' },
    );
  });
}
