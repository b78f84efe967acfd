import { expect, test } from 'vitest';
import { createLogger, type LoggerOptions } from '../../src/observe/logger.js';

function open(options: Partial<LoggerOptions>) {
  const lines: string[] = [];
  const log = createLogger(
    { level: 'info', format: 'json', color: false, ...options },
    (text) => void lines.push(text),
  );
  return { lines, log };
}

test('JSON lines: level by name, ISO time, details beside the message', () => {
  const { lines, log } = open({});
  log.info('hello', { keys: 3, big: 5n });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\{.*\}\n$/);
  const { time, ...rest }: { time: string } = JSON.parse(lines[0] ?? '');
  expect(rest).toEqual({ level: 'info', msg: 'hello', keys: 3, big: '5' });
  expect(new Date(time).toISOString()).toBe(time);
});

test('pretty lines: one each, details after the message', () => {
  const { lines, log } = open({ format: 'pretty' });
  log.warn('hello', { keys: 3 });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\] WARN: hello \{"keys":3\}\n$/);
});

test.each([
  ['debug', 4],
  ['info', 3],
  ['warn', 2],
  ['error', 1],
] as const)('level %s lets %i of the four through', (level, count) => {
  const { lines, log } = open({ level });
  log.debug('1');
  log.info('2');
  log.warn('3');
  log.error('4');
  expect(lines).toHaveLength(count);
});

test.each(['json', 'pretty'] as const)('%s: passwords are hidden wherever they are', (format) => {
  const { lines, log } = open({ format });
  log.info('redis://:hush@a', {
    deep: { urls: ['redis://u:hush@b'], error: new Error('at redis://hush@c') },
    raw: new TextEncoder().encode('hush'),
  });
  expect(lines.join('')).not.toContain('hush');
  expect(lines.join('')).toContain('redis://u:***@b');
  expect(lines.join('')).toContain('4 bytes');
});
