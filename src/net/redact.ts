/**
 * Hides passwords in text that people will see: in URLs (`redis://user:secret@host` → `redis://user:***@host`),
 * in the shorthand without a scheme, and in `password=` query parameters. A password may itself hold `@` or
 * `:`, so everything up to the last `@` of a word counts. It would rather hide too much than too little.
 */
export function redact(text: string): string {
  return text.replace(/\S*@/gu, redactUserInfo).replace(/([?&](?:password|pass|auth)=)[^\s&]+/giu, '$1***');
}

/** `word` ends with the last `@` of a run of non-blank characters. */
function redactUserInfo(word: string): string {
  const scheme = word.indexOf('://');
  const start = scheme === -1 ? 0 : scheme + 3;
  const userInfo = word.slice(start, -1);
  const colon = userInfo.indexOf(':');
  // Without a colon and a scheme it is a mail address or the like; with a scheme it may be a bare password.
  if (colon === -1) return scheme === -1 || userInfo === '' ? word : `${word.slice(0, start)}***@`;
  return `${word.slice(0, start + colon)}:***@`;
}
