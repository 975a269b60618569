/** A key, shown as a numbered ticket: its letter and colour say which one, its text how it ends. */

export function ticket(key: string, tickets: readonly string[]): HTMLElement {
  const number = Math.max(0, tickets.indexOf(key));
  const chip = document.createElement('span');
  chip.className = `ticket ticket-${number % 4}`;
  chip.title = key;
  const letter = document.createElement('b');
  letter.textContent = String.fromCharCode(65 + (number % 26));
  chip.append(letter, ` …${key.slice(-4)}`);
  return chip;
}
