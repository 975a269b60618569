import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from '@seiriken/client';
import { atDeadline, vectors } from './vectors.js';

test('the vectors are there', () => {
  assert.ok(vectors().length > 50);
});

for (const vector of vectors()) {
  test(`verdict: ${vector.name}`, () => {
    let ambiguous = vector.resumed ?? false;
    let refused: unknown;
    vector.attempts.forEach((seen, index) => {
      const verdict = decide(seen, ambiguous, refused);
      refused ||= seen.answer;
      const last = index === vector.attempts.length - 1;
      if (!last) {
        assert.equal(verdict.then, 'retry', `after attempt ${index + 1}`);
      } else {
        assert.equal(verdict.then, vector.then);
      }
      if (verdict.then === 'retry') ambiguous = verdict.ambiguous;
      if (last && verdict.then === 'retry') assert.equal(verdict.atDeadline, atDeadline(vector));
      if (verdict.then === 'definite') assert.equal(verdict.status, vector.status);
    });
  });
}

test('a refusal to do it now after an attempt that may have run is an outcome only where it is marked', () => {
  for (const [marker, atDeadline] of [[null, 'unknown'], ['false', 'definite']] as const) {
    const expected = { then: 'retry', ambiguous: true, atDeadline };
    assert.deepEqual(decide({ answer: { status: 429, marker } }, true), expected);
  }
});

test('an answer that was not kept is of no use without the status it had', () => {
  for (const recordedStatus of [undefined, null, Number.NaN, 0, 600]) {
    const answer = { status: 500, problem: 'response-not-kept', recordedStatus: recordedStatus as number };
    assert.equal(decide({ answer }, false).then, 'unknown', `${recordedStatus}`);
  }
});

test('a status that a browser hides behind a redirection is an answer', () => {
  assert.deepEqual(decide({ answer: { status: 0 } }, true), { then: 'definite', status: 0 });
});
