/** A duration for people: `0.4s`, `12s`, `3m 05s`, `2h 07m`, `3d 04h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '-';
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const pair = (large: number, small: number, units: string) =>
    `${large}${units[0]} ${String(small).padStart(2, '0')}${units[1]}`;
  if (whole < 3600) return pair(Math.floor(whole / 60), whole % 60, 'ms');
  if (whole < 86_400) return pair(Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), 'hm');
  return pair(Math.floor(whole / 86_400), Math.floor((whole % 86_400) / 3600), 'dh');
}
