/** Numbers over time, by uPlot. */
/// <reference lib="dom" />
import { Component, html } from "htm/preact";
import uPlot from "uplot";
import type { Percentiles, Sample } from "../sample.ts";
import { color, onScheme } from "./color.ts";
import { count, milliseconds } from "./format.ts";
import { WINDOW } from "./history.ts";

interface Line {
  readonly name: string;
  /** A CSS variable's. */
  readonly color: string;
  /** `before`: a sample of a second ago, or the oldest. Null: nothing was measured. */
  of(sample: Sample, before: Sample): number | null;
}

interface Kind {
  readonly title: string;
  format(value: number): string;
  /** How far its axis goes at the least. Of counts: so far that no two marks are the same number. */
  readonly least: number;
  readonly lines: readonly Line[];
}

const KINDS: readonly Kind[] = [
  {
    title: "Scheduling latency",
    format: milliseconds,
    least: 1e-3,
    lines: [
      { name: "half within", color: "blue", of: ({ lately }) => percentile(lately.latency, "p50") },
      { name: "99 of 100 within", color: "hog", of: ({ lately }) => percentile(lately.latency, "p99") },
    ],
  },
  {
    title: "CPUs in use",
    format: (value) => value.toFixed(2),
    least: 1,
    lines: [
      { name: "by its threads", color: "running", of: ({ lately }) => lately.cpus },
      { name: "procs", color: "quiet", of: ({ procs }) => procs },
    ],
  },
  {
    title: "Queued tasks",
    format: count,
    least: 4,
    lines: [
      { name: "for all threads", color: "blue", of: ({ queues }) => queues.global },
      { name: "of Ps", color: "running", of: ({ queues }) => queues.local },
      { name: "on the host", color: "hog", of: ({ queues }) => queues.host },
    ],
  },
  {
    title: "Tasks started in a second",
    format: count,
    least: 4,
    lines: [{ name: "tasks", color: "blue", of: started }],
  },
  {
    title: "Host's event loop late by",
    format: milliseconds,
    least: 1e-3,
    lines: [{
      name: "99 of 100 timers within",
      color: "hog",
      of: ({ lately }) => percentile(lately.hostDelay, "p99"),
    }],
  },
];

/** Null: there was none. */
function percentile(lately: Percentiles, which: "p50" | "p99"): number | null {
  return lately.count === 0 ? null : lately[which];
}

/** Threads add theirs now and then, so from one sample to the next is too short. */
function started(sample: Sample, before: Sample): number {
  const seconds = Math.max(1, sample.at - before.at) / 1000;
  return Math.max(0, sample.metrics.stats.ran - before.metrics.stats.ran) / seconds;
}

interface Props {
  readonly samples: readonly Sample[];
  readonly shown: Sample;
}

export function Plots({ samples, shown }: Props) {
  return html`<div class="plots">
    ${
    KINDS.map((kind) =>
      html`
        <figure key=${kind.title}>
          <figcaption>${kind.title}
                ${kind.lines.map(({ name, color, of }) =>
                  html`
                    <span key=${name}><i class=${color}></i>${name} ${shownAs(
                      kind,
                      of(shown, secondBefore(samples, samples.indexOf(shown))),
                    )}</span>
                  `
                )}
              </figcaption>
          <${Plot} kind=${kind} samples=${samples} newest=${samples.at(-1)} />
        </figure>
      `
    )
  }
  </div>`;
}

function shownAs({ format }: Kind, value: number | null): string {
  return value === null ? "–" : format(value);
}

function secondBefore(samples: readonly Sample[], index: number): Sample {
  let before = index;
  while (before > 0 && samples[index].at - samples[before].at < 1000) before--;
  return samples[before];
}

class Plot extends Component<{ kind: Kind; samples: readonly Sample[]; newest: Sample }> {
  #place!: HTMLElement;
  #plot: uPlot | undefined = undefined;
  readonly #resized = new ResizeObserver(() => this.#resize());
  #forget = () => {};
  readonly #hold = (place: HTMLElement | null) => {
    if (place !== null) this.#place = place;
  };

  override componentDidMount(): void {
    this.#make();
    this.#resized.observe(this.#place);
    this.#forget = onScheme(() => this.#make());
  }

  override componentWillUnmount(): void {
    this.#resized.disconnect();
    this.#forget();
    this.#plot?.destroy();
  }

  /** The plot's own elements are none of the view's. */
  override shouldComponentUpdate(next: this["props"]): boolean {
    if (next.newest !== this.props.newest) this.#plot?.setData(dataOf(next.kind, next.samples));
    return false;
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#place;
    this.#plot?.setSize({ width, height });
  }

  #make(): void {
    const { kind, samples } = this.props;
    const place = this.#place;
    const axis: uPlot.Axis = {
      stroke: color("quiet"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: color("line"), width: 1 },
      ticks: { show: false },
    };
    this.#plot?.destroy();
    this.#plot = new uPlot(
      {
        width: place.clientWidth,
        height: place.clientHeight,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: {
            time: false,
            range: (_plot, _least, most) => [(most ?? 0) - WINDOW / 1000, most ?? 0],
          },
          y: { range: (_plot, _least, most) => [0, Math.max(most ?? 0, kind.least) * 1.1] },
        },
        axes: [
          { ...axis, size: 24, values: (_plot, at) => at.map((second) => `${second} s`) },
          { ...axis, size: 56, values: (_plot, values) => values.map(kind.format) },
        ],
        series: [
          {},
          ...kind.lines.map((line): uPlot.Series => ({
            stroke: color(line.color),
            width: 1.5,
            spanGaps: true,
            points: { show: false },
          })),
        ],
      },
      dataOf(kind, samples),
      place,
    );
  }

  override render() {
    return html`<div class="plot" ref=${this.#hold}></div>`;
  }
}

/** Seconds before the newest. */
function dataOf({ lines }: Kind, samples: readonly Sample[]): uPlot.AlignedData {
  const now = samples.at(-1)?.at ?? 0;
  const before = samples.map((_, index) => secondBefore(samples, index));
  return [
    samples.map(({ at }) => (at - now) / 1000),
    ...lines.map(({ of }) => samples.map((sample, index) => of(sample, before[index]))),
  ];
}
