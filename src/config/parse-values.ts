/** Texts of single options → values; `undefined` when the text is not one. The schema says what was expected. */

export interface DbPair {
  readonly from: number;
  readonly to: number;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** A database number. The server's own limit is its `databases` setting, which only the server knows. */
export function parseDb(text: string): number | undefined {
  return /^\s*\d{1,9}\s*$/u.test(text) ? Number(text) : undefined;
}

/** `3=0` */
export function parseDbPair(text: string): DbPair | undefined {
  const [left = '', right = '', ...more] = text.split('=');
  const from = parseDb(left);
  const to = parseDb(right);
  if (more.length > 0 || from === undefined || to === undefined) return undefined;
  return { from, to };
}

/** `host:port`, `[ipv6]:port`. The host must be named: nothing is opened to the world by leaving it out. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([\da-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/iu.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  return port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? '', port };
}
