import { settings } from '../../src/config/settings.ts';

/** Every setting as the rows of the table in docs/configuration.md. */
export function settingsTable(): string[] {
  const rows = [...settings.values()].map(
    ({ key, defaultValue, expected, description }) =>
      `| \`${key}\` | \`${JSON.stringify(defaultValue)}\` | ${expected} | ${description} |`,
  );
  return ['| setting | default | value | meaning |', '|---|---|---|---|', ...rows];
}
