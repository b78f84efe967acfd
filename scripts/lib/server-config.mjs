/**
 * The configuration file a test server is started with: loopback only, nothing saved, DEBUG allowed, no
 * delay before a full sync.
 */
import { compareVersions } from './server-binary.mjs';

/**
 * The configuration file's directives: ours, then the caller's over them.
 * @returns {Record<string, string | number | readonly string[]>}
 */
export function planConfig({ binary, options, port, dir, unixsocket }) {
  const { password, replicaOf } = options;
  return {
    port,
    bind: '127.0.0.1',
    dir,
    dbfilename: 'dump.rdb',
    daemonize: 'no',
    'protected-mode': 'no',
    loglevel: 'notice',
    save: '',
    appendonly: 'no',
    'repl-diskless-sync-delay': 0,
    ...(compareVersions(binary.version, '7.0.0') >= 0 ? { 'enable-debug-command': 'local' } : {}),
    ...(unixsocket === undefined ? {} : { unixsocket }),
    ...(password === undefined ? {} : { requirepass: quote(password) }),
    ...(replicaOf === undefined ? {} : { replicaof: `${replicaOf.host ?? '127.0.0.1'} ${replicaOf.port}` }),
    ...(replicaOf?.password === undefined ? {} : { masterauth: quote(replicaOf.password) }),
    ...options.args,
  };
}

/** One line per directive, one per element for a directive that is given several times. */
export function formatConfig(args) {
  const lines = Object.entries(args).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `${name} ${one === '' ? '""' : one}`),
  );
  return `${lines.join('\n')}\n`;
}

/** @param {string} text */
function quote(text) {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}
