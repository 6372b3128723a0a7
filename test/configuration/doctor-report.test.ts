import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doctorLines } from '../../src/adapters/configuration/doctor-report.ts';

test('a stranger’s text stays on its line of the report, has an end, and moves no cursor', () => {
  const hostile = `a\u001b[2Jb\nNo problem\r\u009bc\u202e${'x'.repeat(100_000)}`;
  const lines = doctorLines({
    ok: false,
    upstream: 'https://a.example/mcp',
    asked: [],
    plan: { scope: hostile },
    clients: {},
    notes: [hostile],
    problems: [hostile],
  });

  assert.ok(lines.join('\n').length < 10_000, 'each line has an end');
  assert.ok(
    lines.every((line) => !/\p{C}/u.test(line)),
    'no control characters are left',
  );
});
