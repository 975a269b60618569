/** Draws the arrows of a time line beside its rows. */

import type { Arrow } from './arrows.js';

const SVG = 'http://www.w3.org/2000/svg';
/** The middle of a row's first line of text, from its top. */
const LINE_MIDDLE = 13;
/** Where the two lines of life are, from the edges. */
const EDGE = 8;

interface Point {
  x: number;
  y: number;
}

export interface Drawing {
  draw(arrows: readonly Arrow[]): void;
}

export function drawing(canvas: SVGSVGElement, list: HTMLElement): Drawing {
  const lines = canvas.querySelector('g')!;
  // An element stays as long as its arrow: while it travels, its way is not drawn anew.
  const drawn = new Map<string, SVGPathElement>();

  const height = (at: number): number => {
    const rows = [...list.children] as HTMLElement[];
    const row = rows[at];
    if (row) return row.offsetTop + LINE_MIDDLE;
    const last = rows.at(-1);
    return (last ? last.offsetTop + last.offsetHeight : 0) + LINE_MIDDLE;
  };

  const element = (id: string): SVGPathElement => {
    const known = drawn.get(id);
    if (known) return known;
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('pathLength', '1');
    drawn.set(id, path);
    lines.append(path);
    return path;
  };

  return {
    draw(arrows) {
      const ids = new Set(arrows.map((arrow) => arrow.id));
      for (const [id, path] of drawn) {
        if (ids.has(id)) continue;
        path.remove();
        drawn.delete(id);
      }
      const ends = { page: EDGE, shop: canvas.clientWidth - EDGE };
      for (const arrow of arrows) {
        const from = { x: arrow.to === 'shop' ? ends.page : ends.shop, y: height(arrow.from) };
        const to = { x: ends[arrow.to], y: height(arrow.end ?? list.children.length) };
        if (isBroken(arrow)) to.x = (from.x + to.x) / 2;
        place(element(arrow.id), arrow, from, to);
      }
    },
  };
}

function place(path: SVGPathElement, arrow: Arrow, from: Point, to: Point): void {
  const travels = arrow.end === undefined;
  path.setAttribute('class', `arrow ${arrow.fate}${travels ? ' travels' : ''}`);
  path.setAttribute('d', `M${from.x} ${from.y}L${to.x} ${to.y}`);
  if (!travels) path.setAttribute('marker-end', isBroken(arrow) ? 'url(#cross)' : 'url(#head)');
}

/** Ends half-way. */
function isBroken({ fate }: Arrow): boolean {
  return fate === 'lost' || fate === 'unreached';
}
