/** Numbers as people read them: `12.3 MB`, `1.2 M`, `3m 12s`. Decimal units, as `redis-cli` and disks count. */

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;
const COUNT_UNITS = ['', 'k', 'M', 'G', 'T', 'P'] as const;

export function formatBytes(bytes: number): string {
  return scale(bytes, BYTE_UNITS);
}

/** `950`, `1.2 k`, `3.4 M` */
export function formatCount(count: number): string {
  return scale(count, COUNT_UNITS).trimEnd();
}

function scale(value: number, units: readonly string[]): string {
  let rest = Math.max(0, Number.isFinite(value) ? value : 0);
  let unit = 0;
  // 999 950 would round to `1000.0 k`, so the step up comes where the rounding does.
  while (rest >= (unit === 0 ? 999.5 : 999.95) && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(rest) : rest.toFixed(1)} ${units[unit] ?? ''}`;
}

/** `0.4s`, `12s`, `3m 12s`, `2h 5m`, `3d 4h` */
export function formatDuration(seconds: number): string {
  const exact = Math.max(0, Number.isFinite(seconds) ? seconds : 0);
  if (exact < 9.95) return `${Math.round(exact * 10) / 10}s`;
  const whole = Math.round(exact);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
