/**
 * A UUID of version 7 (RFC 9562, section 5.7): 48 bits of time, then 74 random ones. A server that keeps answers for
 * a day can tell from it that a key is older. Not `crypto.randomUUID`, which pages without TLS do not have.
 */
export function uuidV7(now: number = Date.now()): string {
  const random = Array.from(crypto.getRandomValues(new Uint8Array(10)));
  random[0] = (random[0]! & 0x0f) | 0x70;
  random[2] = (random[2]! & 0x3f) | 0x80;
  const hex = now.toString(16).padStart(12, '0') + random.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
