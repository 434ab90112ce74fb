/** What `metrics()` says, number by number. */
import { html } from "htm/preact";
import { type HistogramName, HISTOGRAMS, type Sample } from "../sample.ts";
import { bytes, count, milliseconds } from "./format.ts";

const TITLES: Record<HistogramName, string> = {
  schedulingLatency: "from queued to begun",
  runTime: "from begun to the first await",
  blockingCalls: "blocking calls",
  freezes: "frozen for",
  queueLength: "tasks in queues",
  hostDelay: "host's event loop late by",
};

/** How each number is shown, by the path to it in `metrics()`. */
export function metricsOf(
  { metrics }: Pick<Sample, "metrics">,
): [path: string, value: number, text: string][] {
  const { stats, wakes, retakes, byPort, arena } = metrics;
  const histograms = HISTOGRAMS.flatMap((name) =>
    (["count", "p50", "p90", "p99", "max"] as const).map((field): [string, number, string] => {
      const value = metrics[name][field];
      const isCount = field === "count" || name === "queueLength";
      return [`${name}.${field}`, value, isCount ? count(value) : milliseconds(value)];
    })
  );
  const counts = Object.entries({
    "stats.ran": stats.ran,
    "stats.stolen": stats.stolen,
    "stats.parks": stats.parks,
    "stats.preempted": stats.preempted,
    "stats.inFlight": stats.inFlight,
    "stats.queued": stats.queued,
    "stats.nativeCalls": stats.nativeCalls,
    wakes,
    retakes,
    "byPort.values": byPort.values,
  }).map(([path, value]): [string, number, string] => [path, value, count(value)]);
  const sizes = Object.entries({
    "byPort.bytes": byPort.bytes,
    "arena.bytes": arena.bytes,
    "arena.blocks": arena.blocks,
    "arena.spans": arena.spans,
  }).map(([path, value]): [string, number, string] => [path, value, bytes(value)]);
  return [...histograms, ...counts, ...sizes];
}

export function MetricsTable({ sample }: { sample: Sample }) {
  const all = metricsOf(sample);
  const cells = new Map(all.map((cell) => [cell[0], cell]));
  const cell = (path: string) => {
    const [, value, text] = cells.get(path)!;
    return html`<td class="number" data-metric=${path} data-value=${value}>${text}</td>`;
  };
  const rest = all.filter(([path]) => !HISTOGRAMS.some((name) => path.startsWith(`${name}.`)));
  return html`
    <div class="wide">
      <table class="metrics">
        <thead>
          <tr>
            <th>since the start</th>
            <th class="number">count</th>
            <th class="number">p50</th>
            <th class="number">p90</th>
            <th class="number">p99</th>
            <th class="number">max</th>
          </tr>
        </thead>
        <tbody>${HISTOGRAMS.map((name) =>
          html`<tr key=${name}><td title=${`metrics().${name}`}>${TITLES[name]}</td>
        ${["count", "p50", "p90", "p99", "max"].map((field) => cell(`${name}.${field}`))}</tr>`
        )}</tbody>
      </table>
    </div>
    <table class="counts">
      <tbody>${rest.map(([path]) => html`<tr key=${path}><td>${path}</td>${cell(path)}</tr>`)}</tbody>
    </table>
  `;
}
