/** The built program as a process. The build comes first in `npm test`; without one this is skipped visibly. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...argv: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

describe.skipIf(!existsSync(MAIN))('dist/cli/main.js', () => {
  test('--help goes to stdout, exit 0', async () => {
    const { code, stdout, stderr } = await run('sync', '--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('--target-not-empty');
  });

  test('--version', async () => {
    expect(await run('--version')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  test('wrong usage is one line on stderr and exit 2, and hides the password', async () => {
    const { code, stdout, stderr } = await run('sync', 'redis://:hush@a', 'redis://:hush@b', '--until', 'x');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe("replicant: --until: expected caught-up or stopped, got 'x'\n");
  });

  test('a reader of stdout that goes away is no failure', async () => {
    const child = spawn(process.execPath, [MAIN, 'sync', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    expect([code, stderr]).toEqual([0, '']);
  });
});
