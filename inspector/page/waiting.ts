/**
 * Who waits for whom, as a picture and as sentences: a thread leads to what an operation on it waits for, and that to the threads that
 * hold it. What waits is above what it waits for; an edge that leads back up is at the right side, and what is in a circle is red.
 */
/// <reference lib="dom" />
import { html } from "htm/preact";
import type { DumpedStep } from "@heddle/heddle";
import type { Sample } from "../sample.ts";
import { party, place, threadName } from "./format.ts";

/** Channels and locks in the picture, and threads that wait at one of them. Guess: what can be followed with the eyes. */
const MOST_OBJECTS = 12;
const MOST_WAITERS = 6;
const [WIDTH, HEIGHT, ACROSS, DOWN, MARGIN] = [156, 28, 14, 30, 34];

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

/** What waits leads to what it waits for, and that to who has it. */
export function edgesOf({ objects }: Pick<Sample, "objects">): Edge[] {
  return objects.filter(({ waiting }) => waiting.length > 0).slice(0, MOST_OBJECTS)
    .flatMap(({ name, waiting, heldBy }) => [
      ...waiting.slice(0, MOST_WAITERS).map(({ thread, operation, count }) => ({
        from: place(thread),
        to: name,
        text: count === 1 ? operation : `${operation} × ${count}`,
      })),
      ...heldBy.map(({ thread }) => ({ from: name, to: place(thread), text: "held by" })),
    ]);
}

/** How far above the bottom each is: one more than the highest that it leads to, circles left aside. */
export function layersOf(edges: readonly Edge[]): Map<string, number> {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) {
    const known = next.get(from);
    if (known === undefined) next.set(from, [to]);
    else known.push(to);
  }
  const layers = new Map<string, number>();
  const entered = new Set<string>();
  const layer = (node: string): number => {
    const known = layers.get(node);
    if (known !== undefined) return known;
    entered.add(node);
    let above = 0;
    for (const to of next.get(node) ?? []) {
      if (layers.has(to) || !entered.has(to)) above = Math.max(above, layer(to) + 1);
    }
    layers.set(node, above);
    return above;
  };
  for (const { from } of edges) layer(from);
  for (const { to } of edges) layer(to);
  return layers;
}

/** Of what is in a circle: from, to. */
function circleOf({ cycles }: Sample): Set<string> {
  return new Set(
    cycles.flatMap((cycle) =>
      cycle.flatMap(({ thread, waitsFor, heldBy }) => [
        `${place(thread)} ${waitsFor}`,
        `${waitsFor} ${place(heldBy)}`,
      ])
    ),
  );
}

export function Waiting({ sample }: { sample: Sample }) {
  const edges = edgesOf(sample);
  if (edges.length === 0) return html`<p class="quiet">No operation waits at a channel or a lock.</p>`;
  const red = circleOf(sample);
  return html`
    ${sample.cycles.map((cycle, i) =>
      html`<p key=${i} class="cycle">Circle: ${cycle.map(stepText).join("; ")}.</p>`
    )}
    <div class="graph">${picture(edges, red, namesOf(sample))}</div>
  `;
}

function stepText({ thread, task, waitsFor, heldBy, heldByTask }: DumpedStep): string {
  const waits = `${party(thread, task)} waits for ${waitsFor}`;
  return waitsFor === `task ${heldByTask}` ? waits : `${waits}, held by ${party(heldBy, heldByTask)}`;
}

/** How threads are called in the picture. */
function namesOf({ threads }: Sample): Map<string, string> {
  return new Map(threads.map((thread) => [place(thread.tid), threadName(thread)]));
}

function picture(edges: readonly Edge[], red: ReadonlySet<string>, names: ReadonlyMap<string, string>) {
  const layers = layersOf(edges);
  const top = Math.max(...layers.values());
  const filled = Array.from({ length: top + 1 }, () => 0);
  const spots = new Map<string, { x: number; y: number }>();
  for (const [node, layer] of layers) {
    spots.set(node, { x: filled[layer]++ * (WIDTH + ACROSS), y: (top - layer) * (HEIGHT + DOWN) });
  }
  const across = Math.max(...filled) * (WIDTH + ACROSS) - ACROSS;
  // Each layer stands in the middle.
  for (const [node, spot] of spots) {
    spot.x += (across - filled[layers.get(node)!] * (WIDTH + ACROSS) + ACROSS) / 2;
  }
  const height = (top + 1) * (HEIGHT + DOWN) - DOWN;
  const inRed = new Set(
    [...edges].filter((edge) => red.has(`${edge.from} ${edge.to}`)).flatMap((edge) => [edge.from, edge.to]),
  );
  return html`
    <svg width=${across + MARGIN + 4} height=${height + 4} viewBox=${`-2 -2 ${across + MARGIN + 4} ${
      height + 4
    }`}
      role="img" aria-label=${`${edges.length} waits and holds`}>
        <defs>
          ${["", "red"].map((color) =>
            html`
              <marker key=${color} id=${`arrow${color}`} class=${`arrow ${color}`} viewBox="0 0 8 8" refX="8" refY="4"
                markerWidth="7" markerHeight="7" orient="auto-start-reverse">
                <path d="M0 0L8 4L0 8z" />
              </marker>
            `
          )}
        </defs>
        ${edges.map((edge) => {
          const color = red.has(`${edge.from} ${edge.to}`) ? "red" : "";
          return html`
            <path class=${`edge ${color}`} d=${way(spots.get(edge.from)!, spots.get(edge.to)!)}
              marker-end=${`url(#arrow${color})`}>
              <title>${edge.from}: ${edge.text}: ${edge.to}</title>
            </path>
          `;
        })}
        ${[...spots].map(([node, { x, y }]) =>
          html`
            <g key=${node} class=${`node ${inRed.has(node) ? "red" : ""}`}>
              <title>${node}</title>
              <rect x=${x} y=${y} width=${WIDTH} height=${HEIGHT} rx="6" />
              <text x=${x + WIDTH / 2} y=${y + HEIGHT / 2}>${short(names.get(node) ?? node)}</text>
            </g>
          `
        )}
      </svg>
  `;
}

interface Spot {
  readonly x: number;
  readonly y: number;
}

function way(from: Spot, to: Spot): string {
  if (to.y > from.y) {
    const [x1, y1, x2, y2] = [from.x + WIDTH / 2, from.y + HEIGHT, to.x + WIDTH / 2, to.y];
    const middle = (y1 + y2) / 2;
    return `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
  }
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x + WIDTH, to.y + HEIGHT / 2];
  const out = Math.max(x1, x2) + MARGIN;
  return `M${x1} ${y1}C${out} ${y1} ${out} ${y2} ${x2} ${y2}`;
}

function short(text: string): string {
  return text.length > 22 ? `${text.slice(0, 21)}…` : text;
}
