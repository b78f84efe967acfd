/** Numbers as people read them, and the exact ones that stand in the titles. Decimal units, as disks count. */

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const COUNT_UNITS = ['', 'k', 'M', 'G', 'T', 'P'];
const EXACT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

export function formatBytes(bytes: number): string {
  return scale(bytes, BYTE_UNITS);
}

/** Powers of two, which look odd in decimal units: `32 B`, `8 KiB`, `2 MiB`. */
export function formatPower(bytes: number): string {
  const unit = Math.floor(Math.log2(Math.max(1, bytes)) / 10);
  const value = bytes / 1024 ** unit;
  const name = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'][unit];
  return name === undefined || !Number.isInteger(value) ? formatBytes(bytes) : `${value} ${name}`;
}

/** `950`, `1.2 k`, `3.4 M` */
export function formatCount(count: number): string {
  return scale(count, COUNT_UNITS).trimEnd();
}

/** `1,234,567` */
export function formatExact(count: number): string {
  return EXACT.format(Number.isFinite(count) ? count : 0);
}

export function exactBytes(bytes: number): string {
  return `${formatExact(bytes)} bytes`;
}

/** `12 %`, `3.4 %`, `< 0.1 %` */
export function formatShare(part: number, whole: number): string {
  if (!(part > 0) || !(whole > 0)) return '0 %';
  const percent = (100 * part) / whole;
  if (percent < 0.1) return '< 0.1 %';
  return percent < 9.95 ? `${percent.toFixed(1)} %` : `${Math.round(percent)} %`;
}

/** In the unit that says most: `45 s`, `12 min`, `3 h`, `2.5 d`, `4 y`. */
export function formatSeconds(seconds: number): string {
  const steps: readonly (readonly [number, string])[] = [
    [YEAR, 'y'],
    [DAY, 'd'],
    [HOUR, 'h'],
    [MINUTE, 'min'],
  ];
  for (const [size, unit] of steps) {
    if (seconds >= size) return `${short(seconds / size)} ${unit}`;
  }
  return `${short(Math.max(0, seconds))} s`;
}

/** `2025-11-20 15:47 UTC`; what no clock can show is its number. */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return `${ms} ms`;
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function short(value: number): string {
  if (value >= 1e6) return formatCount(value);
  return value < 9.95 && !Number.isInteger(value)
    ? value.toFixed(1).replace(/\.0$/, '')
    : String(Math.round(value));
}

function scale(value: number, units: readonly string[]): string {
  let rest = Number.isFinite(value) ? Math.max(0, value) : 0;
  let unit = 0;
  // 999 950 would round to `1000.0 k`, so the step up comes where the rounding does.
  while (rest >= (unit === 0 ? 999.5 : 999.95) && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(rest) : rest.toFixed(1)} ${units[unit] ?? ''}`;
}
