/** What this server wants of keys: it says so on its policy page. */

export interface Policy {
  readonly accepted: 'any' | 'issued' | 'dated';
  readonly retentionSeconds: number;
}

/** What most servers want; whoever cannot be asked will say what is wrong with a key. */
const USUAL: Policy = { accepted: 'any', retentionSeconds: 24 * 60 * 60 };

export async function policyOfServer(): Promise<Policy> {
  try {
    const headers = { Accept: 'application/json' };
    const answer = await fetch('/.well-known/idempotency', { headers });
    const { key, retentionSeconds } = (await answer.json()) as {
      key: { accepted: Policy['accepted'] };
      retentionSeconds: number;
    };
    return { accepted: key.accepted, retentionSeconds };
  } catch {
    return USUAL;
  }
}
