import { test } from 'vitest';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import { BINARIES, CALM, differences, Servers, startRun, waitFor } from '../../support/live.js';
import { startProxy } from '../../support/proxy.js';
const servers = new Servers();
const n = Number(process.env['SOAK'] ?? 20);
test('x', { timeout: 1000000 }, async () => {
  for (let i = 0; i < n; i++) {
   const a = BINARIES[Math.floor(Math.random() * BINARIES.length)]!;
   const seed = Math.floor(Math.random() * 2 ** 32);
   const s = await servers.start(a, { args: { 'repl-backlog-size': ['64mb', '200kb'][i % 2]! } }); const t = await servers.start(a);
   const from = await servers.client(s); const to = await servers.client(t);
   const p1 = await startProxy(s.port), p2 = await startProxy(t.port);
   const at = (port: number) => ({ address: { kind: 'tcp' as const, host: '127.0.0.1', port } });
   let run: any;
   try {
    await fillEverything(from, { seed });
    const writers = await runWriters(s, { seed, writers: 2, ratePerSecond: 8000, ...CALM });
    run = startRun(at(p1.port), at(p2.port));
    const rnd = (k: number) => Math.floor(Math.random() * k);
    let mine = 0; const c = await s.client({ db: 12 });
    for (let k = 0; k < 8; k++) {
      await Promise.race([run.event('caught-up'), new Promise((r) => setTimeout(r, rnd(600)))]);
      await c.pipeline(Array.from({ length: 100 }, () => ['INCR', 'n'])); mine += 100;
      const what = rnd(4);
      if (what === 0) await p1.cut();
      else if (what === 1) p1.cutAfter(rnd(400_000)).catch(() => {});
      else if (what === 2) await p2.cut();
      else { t.pause(); await new Promise((r) => setTimeout(r, rnd(300))); await p1.cut(); t.resume(); }
      await new Promise((r) => setTimeout(r, rnd(700)));
    }
    p1.unlimited();
    await writers.stop();
    await waitFor('eq', async () => { const st = run.shard; const info: string = await from.text('INFO', 'replication'); return st.phase === 'streaming' && st.appliedOffset >= Number(/master_repl_offset:(\d+)/.exec(info)![1]); }, 60000);
    const d = await differences(from, to, { ttlToleranceMs: 2500, excused: ({ what, a: x }) => what === 'stream' && x !== null && (/pel-count":0/.test(x) || x.includes('entries-read')) });
    await to.call('SELECT', 12);
    const got = await to.text('GET', 'n');
    const sum = await run.stop();
    console.log('SOAK', a.id, seed, d.length, JSON.stringify(d).slice(0, 1500), mine, got, sum.fullSyncs, sum.partialResyncs);
    await c.close();
   } catch (e) { console.log('SOAK', a.id, seed, 'FAILED', String(e).slice(0, 1500), run?.log.split('\n').slice(-12).join('\n')); }
   await p1.close(); await p2.close();
   await s.stop(); await t.stop();
  }
});
