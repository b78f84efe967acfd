/**
 * A sorted set's score as text that the server reads back to the same double: the shortest form that
 * round-trips, which JavaScript's own number text is (`0.1`, `1e+21`, `5e-324`).
 */
export function scoreText(score: number): string {
  if (score === Infinity) return 'inf';
  if (score === -Infinity) return '-inf';
  return Object.is(score, -0) ? '-0' : String(score);
}
