/** The page: its buttons, its rounds, and what survives a reload. */

import { copyLines } from './by-hand.js';
import { label } from './labels.js';
import { LANGUAGES, preferred, remember, type Language } from './language.js';
import type { Moment, Wish } from './moments.js';
import { STILL, WATCHABLE, type Weather } from './network.js';
import { newestOrder, ordersOf, type Order } from './orders.js';
import { policyOfServer } from './policy.js';
import { Round, type Accident, type Plan, type SideName } from './round.js';
import { one, SIDES, view } from './view.js';
import { currentVisit, keepVisit, newName, type Moments } from './visit.js';

async function main(): Promise<void> {
  const visit = currentVisit();
  const picture = view();
  let language: Language = preferred();
  let accident: Accident = 'order';
  let wishes: readonly Wish[] = [];
  let moments: Moments = { left: [], right: [] };
  let orders: Record<SideName, Order[]> = { left: [], right: [] };
  let round: Round | undefined;
  let ready = false;

  const draw = (): void => {
    const words = LANGUAGES[language];
    const busy = round !== undefined;
    picture.draw({ words, ready, busy, accident, wishes, moments, orders, wish: chosenWish() });
  };

  const speak = (chosen: Language): void => {
    language = chosen;
    label(LANGUAGES[language], language);
    draw();
  };

  speak(language);
  const policy = await policyOfServer();
  // Empty where there is none yet, or none to be had: then all orders are looked through.
  visit.since ??= (await newestOrder().catch(() => undefined)) ?? '';
  keepVisit(visit);
  const calm = matchMedia('(prefers-reduced-motion: reduce)');

  /** Asks the shop what there is, one question after another. */
  let asked: Promise<void> = Promise.resolve();
  const lookUp = ({ plan }: Round): Promise<void> => {
    const find = (side: SideName) => ordersOf(`${plan.name}-${side}`, visit.since);
    asked = asked.then(async () => {
      try {
        const [left, right] = await Promise.all([find('left'), find('right')]);
        if (visit.running?.plan === plan) orders = { left, right };
      } catch {
        // What is not known is left as it was; the next answer asks again.
      }
      draw();
    });
    return asked;
  };

  const play = async (plan: Plan, start: (round: Round) => void): Promise<void> => {
    ({ accident, wishes } = plan);
    orders = { left: [], right: [] };
    visit.running = { plan, moments };
    const own = moments;
    const reached = new Set<SideName>();
    const told = (side: SideName, moment: Moment): void => {
      // A late answer may come when the next round is already drawn.
      if (moments !== own) return;
      moments[side].push(moment);
      keepVisit(visit);
      draw();
      if (moment.kind !== 'arrives') return;
      void lookUp(started);
      // The orders exist, and no answer has reached the page: the worst moment for a reload.
      if (isAboutOrder(moments[side], moment.call)) reached.add(side);
      const first = moments[side].every(({ kind }) => kind !== 'reloaded');
      if (accident === 'reload' && first && reached.size === SIDES.length) location.reload();
    };
    const pace = calm.matches ? STILL : WATCHABLE;
    const started = new Round(plan, { policy, pace, told });
    round = started;
    start(started);
    draw();
    await started.over;
    await lookUp(started);
    delete visit.running;
    keepVisit(visit);
    round = undefined;
    draw();
  };

  const begin = async (chosen: Accident): Promise<void> => {
    moments = { left: [], right: [] };
    const wish = chosenWish();
    const second = { sku: wish.sku === 'cake-002' ? 'cake-003' : 'cake-002', qty: 1 };
    const plan: Plan = {
      name: newName(),
      accident: chosen,
      weather: weatherOf(chosen),
      wishes: chosen === 'one-key' ? [wish, second] : [wish],
    };
    await play(plan, (started) => {
      if (chosen === 'one-key') return started.pressForEach();
      if (chosen === 'at-once') return void started.pressAtOnce();
      started.press(false);
      if (chosen === 'order' && checked('weather') === 'double') started.press(true);
    });
  };

  one('#order').addEventListener('click', () => {
    if (round === undefined) return void begin('order');
    // Somebody is impatient: on a round of their own making that is one more press of it.
    if (accident === 'order') round.press(true);
  });
  for (const card of document.querySelectorAll<HTMLElement>('[data-accident]')) {
    card.querySelector('button')!.addEventListener('click', () => {
      if (round !== undefined) return;
      one('#sides').scrollIntoView({ behavior: calm.matches ? 'auto' : 'smooth' });
      void begin(card.dataset['accident'] as Accident);
    });
  }
  for (const button of document.querySelectorAll<HTMLElement>('[data-language]')) {
    button.addEventListener('click', () => {
      const chosen = button.dataset['language'] as Language;
      remember(chosen);
      speak(chosen);
    });
  }
  for (const input of document.querySelectorAll('input')) input.addEventListener('change', draw);
  one('#copy').addEventListener('click', async () => {
    await copyLines(one('#curl'));
    one('#copied').textContent = LANGUAGES[language].texts.copied;
  });
  one('#insecure').hidden = isSecureContext;

  ready = true;
  if (visit.running) {
    ({ moments } = visit.running);
    const { plan } = visit.running;
    const weather: Weather = plan.weather.answers === 'held' ? { ...plan.weather, answers: 'well' } : plan.weather;
    await play({ ...plan, weather }, (resumed) => resumed.resume());
  } else {
    draw();
  }
}

/** And not about a key that was asked for. */
function isAboutOrder(moments: readonly Moment[], call: number): boolean {
  return moments.some((moment) => moment.kind === 'leaves' && moment.call === call && moment.key);
}

function checked(name: string): string {
  return one<HTMLInputElement>(`input[name=${name}]:checked`).value;
}

function chosenWish(): Wish {
  return { sku: checked('cake'), qty: 1 };
}

/** An accident that is not the network's is shown over a good one, so that nothing else disturbs. */
function weatherOf(accident: Accident): Weather {
  if (accident === 'new-key') return { answers: 'lost', random: false };
  if (accident === 'reload') return { answers: 'held', random: false };
  const chosen = checked('weather');
  const bad = accident === 'order' && (chosen === 'lost' || chosen === 'slow');
  return { answers: bad ? chosen : 'well', random: one<HTMLInputElement>('#random').checked };
}

void main();
