/**
 * One round: the same wish on both sides, over two networks of the same weather, until both sides
 * know how it ended or have given up.
 */

import { uuidV7, type Client } from '@seiriken/client';
import { carefulClient, ownStorage, sendCarefully } from './careful.js';
import { issuedKey, keyOfInsecurePage, sendCarelessly } from './careless.js';
import type { Moment, Wish } from './moments.js';
import { badNetwork, type Pace, type Weather } from './network.js';
import type { Policy } from './policy.js';

export type Accident = 'order' | 'new-key' | 'one-key' | 'at-once' | 'reload' | 'insecure';
export type SideName = 'left' | 'right';

/** What a round is, as it survives a reload. */
export interface Plan {
  /** Unique: it names the wish to the client, and the visitor to the shop. */
  readonly name: string;
  readonly accident: Accident;
  readonly weather: Weather;
  readonly wishes: readonly Wish[];
}

export interface Surroundings {
  readonly policy: Policy;
  readonly pace: Pace;
  readonly told: (side: SideName, moment: Moment) => void;
}

/** Long enough for any answer that is not held up on purpose. */
const PATIENT = 15_000;

export class Round {
  readonly plan: Plan;
  readonly #around: Surroundings;
  readonly #careful: Client;
  readonly #fetch: Record<SideName, typeof fetch>;
  readonly #patience: number;
  readonly #rest: number;
  #open = 0;
  #ended!: () => void;
  /** Resolves when everything that was sent has ended. */
  readonly over = new Promise<void>((resolve) => (this.#ended = resolve));

  constructor(plan: Plan, around: Surroundings) {
    this.plan = plan;
    this.#around = around;
    const { pace } = around;
    this.#patience = plan.weather.answers === 'slow' ? pace.patience : PATIENT;
    this.#rest = pace.journey;
    const network = (side: SideName) =>
      badNetwork(fetch.bind(globalThis), plan.weather, pace, (moment) => around.told(side, moment));
    this.#fetch = { left: network('left'), right: network('right') };
    this.#careful = carefulClient(this.#carefulOptions());
  }

  /** The visitor presses the button; while it is on its way, once more. */
  press(again: boolean): void {
    const [wish] = this.plan.wishes;
    this.#say('left', { kind: 'press', wish: wish!, again });
    this.#say('right', { kind: 'press', wish: wish!, again });
    const left = this.plan.accident === 'insecure' ? keyOfInsecurePage : this.#anyKey;
    this.#send(this.#left(wish!, left));
    this.#send(this.#right(wish!, 0));
  }

  /** Two orders, one after the other. */
  pressForEach(): void {
    let fixed: string | Promise<string> | undefined;
    const oneKey = () => (fixed ??= this.#anyKey());
    const each = async (side: SideName, send: (wish: Wish, n: number) => Promise<void>) => {
      for (const [n, wish] of this.plan.wishes.entries()) {
        this.#say(side, { kind: 'press', wish, again: false });
        await send(wish, n);
      }
    };
    this.#send(each('left', (wish) => this.#left(wish, oneKey)));
    this.#send(each('right', (wish, n) => this.#right(wish, n)));
  }

  /** One wish from two places at once: on the right they share the key and nothing else. */
  async pressAtOnce(): Promise<void> {
    const [wish] = this.plan.wishes;
    const done = this.#hold();
    const issued = this.#around.policy.accepted === 'issued';
    const key = issued ? await issuedKey(this.#fetch.right) : uuidV7();
    for (const again of [false, true]) {
      this.#say('left', { kind: 'press', wish: wish!, again });
      this.#say('right', { kind: 'press', wish: wish!, again });
      this.#send(this.#left(wish!, this.#anyKey));
      const tab = carefulClient({ ...this.#carefulOptions(), storage: ownStorage() });
      this.#send(this.#right(wish!, 0, tab, key));
    }
    done();
  }

  /** After a reload: the right side finds what was pending. The left side cannot know anything. */
  resume(): void {
    const pending = this.#careful.pending().filter(({ intent }) => intent.startsWith(this.plan.name));
    this.#say('left', { kind: 'reloaded', remembers: false });
    this.#say('right', { kind: 'reloaded', remembers: pending.length > 0 });
    const done = this.#hold();
    for (const { intent } of pending) this.#send(this.#careful.resume(intent));
    if (this.plan.accident === 'reload') {
      // An empty page: whoever wanted a cake orders it.
      const [wish] = this.plan.wishes;
      this.#say('left', { kind: 'press', wish: wish!, again: true });
      this.#send(this.#left(wish!, this.#anyKey));
    }
    done();
  }

  /** What the shop knows a side by. */
  user(side: SideName): string {
    return `${this.plan.name}-${side}`;
  }

  #anyKey = (): string | Promise<string> =>
    this.#around.policy.accepted === 'issued' ? issuedKey(this.#fetch.left) : uuidV7();

  async #left(wish: Wish, newKey: () => string | Promise<string>): Promise<void> {
    const tell = (moment: Moment) => this.#say('left', moment);
    const options = { fetch: this.#fetch.left, patience: this.#patience, rest: this.#rest, newKey, tell };
    try {
      await sendCarelessly(options, this.#body('left', wish));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      tell({ kind: 'broken' });
    }
  }

  #right(wish: Wish, n: number, client = this.#careful, key?: string): Promise<void> {
    const intent = `${this.plan.name}-${n}`;
    return sendCarefully(client, this.#around.policy, intent, this.#body('right', wish), key);
  }

  #body(side: SideName, wish: Wish): string {
    return JSON.stringify({ userId: this.user(side), items: [wish] });
  }

  #carefulOptions() {
    const { policy } = this.#around;
    const tell = (moment: Moment) => this.#say('right', moment);
    return { fetch: this.#fetch.right, policy, patience: this.#patience, rest: this.#rest, tell };
  }

  #say(side: SideName, moment: Moment): void {
    this.#around.told(side, moment);
  }

  /** The round is not over before this has ended. */
  #send(sending: Promise<unknown>): void {
    const done = this.#hold();
    sending.then(done, (error: unknown) => {
      done();
      throw error;
    });
  }

  #hold(): () => void {
    this.#open += 1;
    return () => {
      this.#open -= 1;
      if (this.#open === 0) this.#ended();
    };
  }
}
