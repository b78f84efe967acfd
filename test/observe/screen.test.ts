import { expect, test } from 'vitest';
import { createScreen } from '../../src/observe/screen.js';

const ERASE = '\r\u001B[2K';

function open(terminal: boolean) {
  const written: string[] = [];
  const screen = createScreen({ write: (text) => void written.push(text), terminal, columns: () => 80 });
  return { written, screen };
}

test('a log line pushes the progress line down in one write', () => {
  const { written, screen } = open(true);
  screen.print('one\n');
  screen.draw('50%');
  screen.draw('50%');
  screen.print('two\n');
  screen.draw('51%');
  screen.clear();
  screen.clear();
  screen.print('three\n');
  expect(written).toEqual(['one\n', `${ERASE}50%`, `${ERASE}two\n50%`, `${ERASE}51%`, ERASE, 'three\n']);
});

test('off a terminal there is no progress line and no control code', () => {
  const { written, screen } = open(false);
  screen.draw('50%');
  screen.print('one\n');
  screen.clear();
  expect(written).toEqual(['one\n']);
});
