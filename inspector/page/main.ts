/** The page: it asks for samples, and draws the whole anew for each. */
/// <reference lib="dom" />
import { html, render } from "htm/preact";
import type { DumpedCycle } from "@heddle/heddle";
import type { Sample } from "../sample.ts";
import { clock, count, counted, milliseconds, place } from "./format.ts";
import { History } from "./history.ts";
import { Lanes } from "./lanes.ts";
import { Plots } from "./plots.ts";
import { MetricsTable } from "./metrics.ts";
import { Objects, Threads } from "./tables.ts";
import { Tasks } from "./tasks.ts";
import { Waiting } from "./waiting.ts";

/** Milliseconds from a question without an answer to the next. */
const AGAIN = 1000;
/** Of the trace that is saved. */
const TRACE_SECONDS = 5;

const root = document.getElementById("page")!;
const history = new History();
let isWatching = false;
let isLost = false;
let isTracing = false;

/** Asks as often as the program wants to be asked, until the page is hidden or the scheduler closed. */
async function watch(): Promise<void> {
  if (isWatching) return;
  isWatching = true;
  history.interrupt();
  while (!document.hidden && history.newest?.isClosed !== true) {
    const sample = await newest();
    if (sample === undefined) history.interrupt();
    else history.add(sample);
    if (isLost !== (sample === undefined) || !history.isPaused) {
      isLost = sample === undefined;
      show();
    }
    await new Promise((resolve) => setTimeout(resolve, sample?.everyMs ?? AGAIN));
  }
  isWatching = false;
}

/** Undefined: the program does not answer. */
async function newest(): Promise<Sample | undefined> {
  try {
    const response = await fetch("look");
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

function show(): void {
  const sample = history.shown;
  render(
    sample === undefined ? html`<p>${isLost ? "The program does not answer." : "…"}</p>` : whole(sample),
    root,
  );
}

function whole(sample: Sample) {
  const { name, procs, idleProcs, threads, tasks, tookMs } = sample;
  return html`
    <header>
      <h1>${name ?? "Heddle"}</h1>
      <p>${[
        `${counted(procs, "proc")} (${idleProcs} idle)`,
        counted(threads.length, "thread"),
        counted(tasks, "task"),
        `${count(sample.metrics.stats.queued)} queued`,
      ].join(", ")}</p>
      <p class="controls">
        <span class=${`status ${isLost ? "lost" : ""}`} role="status">${statusOf(sample)}</span>
        <button onClick=${toggle} aria-pressed=${history.isPaused}>${history.isPaused
          ? "Go on"
          : "Pause"}</button>
        <input type="range" aria-label="Moment" min=${(history.samples[0]?.at ?? 0) -
          (history.newest?.at ?? 0)} max="0" step="1"
          value=${sample.at - (history.newest?.at ?? 0)}
          onInput=${(event: Event) =>
            moveTo((history.newest?.at ?? 0) + Number((event.target as HTMLInputElement).value))} />
        <button onClick=${record} disabled=${isTracing}>${isTracing
          ? `Tracing for ${TRACE_SECONDS} s…`
          : "Save a trace"}</button>
      </p>
    </header>
    ${standsOut(sample)}
    <section id="lanes">
      <h2>Threads and Ps</h2>
      <${Lanes} history=${history} sample=${sample} onMove=${moveTo} />
    </section>
    <section id="plots">
      <${Plots} samples=${history.samples} shown=${sample} />
    </section>
    <section id="waiting">
      <h2>Who waits for whom</h2>
      <${Waiting} sample=${sample} />
    </section>
    <section id="objects">
      <h2>Channels and locks</h2>
      <${Objects} sample=${sample} />
    </section>
    <section id="tasks">
      <h2>Tasks</h2>
      <${Tasks} sample=${sample} isPaused=${history.isPaused} />
    </section>
    <section id="threads">
      <h2>Threads</h2>
      <${Threads} sample=${sample} />
    </section>
    <section id="metrics">
      <h2>Metrics</h2>
      <${MetricsTable} sample=${sample} />
    </section>
    <footer
      class="quiet">Space: pause. ← →: one look back or on. Home, End: the oldest, the newest. /: search. S: save a trace.
      A look takes the program ${milliseconds(tookMs)}.</footer>
  `;
}

function statusOf(sample: Sample): string {
  if (sample.isClosed) return "closed";
  if (isLost) return "lost: the program does not answer";
  return history.isPaused ? clock(sample.at) : "live";
}

/** What somebody should look at first. */
function standsOut({ cycles, threads, unstable }: Sample) {
  const hogs = threads.filter(({ hogMs }) => hogMs !== undefined);
  if (cycles.length === 0 && hogs.length === 0 && unstable === 0) return undefined;
  return html`<ul class="standsout" aria-label="What stands out">
    ${cycles.map((cycle, i) => html`<li key=${`cycle${i}`}><a href="#waiting">${circleText(cycle)}</a></li>`)}
    ${
    hogs.map(({ tid, runs, state, hogMs }) =>
      html`<li key=${tid}>${runs} has kept ${place(tid)} for ${milliseconds(hogMs!)} (${state})</li>`
    )
  }
    ${unstable > 0 && html`<li>${count(unstable)} tasks or locks changed too fast to be read</li>`}
  </ul>`;
}

function circleText(cycle: DumpedCycle): string {
  const areTasks = cycle.every(({ task }) => task !== undefined);
  if (cycle.length === 1) return `task ${cycle[0].task} waits for what it holds itself`;
  return `${cycle.length} ${areTasks ? "tasks" : "threads"} wait for each other`;
}

function toggle(): void {
  if (history.isPaused) history.resume();
  else history.pause();
  show();
}

function moveTo(at: number): void {
  history.moveTo(at);
  show();
}

/** A file for https://ui.perfetto.dev, or the reason why there is none. */
async function record(): Promise<void> {
  if (isTracing) return;
  isTracing = true;
  show();
  try {
    const response = await fetch(`trace?seconds=${TRACE_SECONDS}`);
    if (!response.ok) throw new Error(await response.text());
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = `heddle-${new Date().toISOString().replaceAll(":", "-")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  } catch (error) {
    alert(`No trace: ${error instanceof Error ? error.message : error}`);
  } finally {
    isTracing = false;
    show();
  }
}

const KEYS: Record<string, () => void> = {
  " ": toggle,
  ArrowLeft: () => (history.step(-1), show()),
  ArrowRight: () => (history.step(1), show()),
  Home: () => moveTo(0),
  End: () => moveTo(Infinity),
  s: record,
  "/": () => document.getElementById("search")?.focus(),
};

document.addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  const act = KEYS[key];
  if (act === undefined || ctrlKey || metaKey || altKey) return;
  // Where one types, or presses a button by its own key, that is meant.
  if (target instanceof HTMLElement && /^(INPUT|SELECT|BUTTON|A)$/.test(target.tagName)) return;
  event.preventDefault();
  act();
});

// A page that nobody can see asks for nothing.
document.addEventListener("visibilitychange", watch);
show();
watch();
