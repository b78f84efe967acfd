import { expect, test } from 'vitest';
import { connectionName, idleSecondsOf, parseClientList } from '../../src/checkpoint/connections.js';

const LIST = `id=5 addr=127.0.0.1:41010 laddr=127.0.0.1:6379 fd=9 name=replicant:orders:00aa11bb22cc33dd age=9 idle=4 flags=N db=0 sub=0 lib-name=
id=6 addr=127.0.0.1:41012 fd=10 name=replicant:orders:00aa11bb22cc33dd age=9 idle=2 flags=N
id=7 addr=/run/redis.sock:0 fd=11 name=replicant:a.b-c_d:1111111111111111 age=90 idle=80
id=8 addr=127.0.0.1:41014 fd=12 name=replicant age=1 idle=0
id=9 addr=127.0.0.1:41016 fd=12 name= age=1 idle=0
id=10 addr=127.0.0.1:41018 fd=12 name=replicant:orders:x:y age=1 idle=0
`;

test('the connections that write for jobs', () => {
  const found = parseClientList(LIST);
  expect(found.map(({ id }) => id)).toEqual(['5', '6', '7']);
  expect(found[2]).toEqual({
    job: 'a.b-c_d',
    ownerId: '1111111111111111',
    id: '7',
    addr: '/run/redis.sock:0',
    idleSeconds: 80,
  });
  expect(parseClientList('')).toEqual([]);
});

test('a server before 2.8.12 has no ids, and may end lines with CRLF', () => {
  const [found] = parseClientList('addr=1.2.3.4:5 fd=5 name=replicant:j:ab age=1 idle=3\r\n');
  expect(found).toEqual({ job: 'j', ownerId: 'ab', id: undefined, addr: '1.2.3.4:5', idleSeconds: 3 });
});

test('an owner is as alive as its liveliest connection', () => {
  const found = parseClientList(LIST);
  expect(idleSecondsOf(found, 'orders', '00aa11bb22cc33dd')).toBe(2);
  expect(idleSecondsOf(found, 'orders', '1111111111111111')).toBeUndefined();
});

test('names come back', () => {
  const name = connectionName('10.0.0.7-6379-to-b', '00aa11bb22cc33dd');
  expect(name).not.toContain(' ');
  expect(parseClientList(`id=1 addr=x name=${name} idle=0`)).toMatchObject([
    { job: '10.0.0.7-6379-to-b', ownerId: '00aa11bb22cc33dd' },
  ]);
});
