import { InvalidArgumentError } from 'commander';

/** Parses the value of an option that is a whole number within limits. */
export function between(smallest: number, largest: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= smallest && value <= largest) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${smallest} to ${largest}.`);
  };
}
