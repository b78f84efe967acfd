/** `2026-01-31T12:00:00Z`, `2026-01-31 12:00` (local time) or unix seconds → unix seconds. */
export function parseTime(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^\d{1,11}$/u.test(trimmed)) return Number(trimmed);
  if (!/^\d{4}-\d{2}-\d{2}/u.test(trimmed)) return undefined;
  const ms = Date.parse(trimmed.replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}
