/**
 * A UUID of version 7 (RFC 9562, section 5.7): 48 bits of time, then 74 random ones. A server that keeps answers for
 * a day can tell from it that a key is older. Not `crypto.randomUUID`, which pages without TLS do not have.
 */
export function uuidV7(now: number = Date.now()): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  const hex = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
  // Version and variant stand at the head of the third and the fourth group.
  const variant = '89ab'[random[2]! >> 6];
  return (now.toString(16).padStart(12, '0') + hex).replace(/(.{8})(.{4}).(.{3}).(.{3})/, `$1-$2-7$3-${variant}$4-`);
}
