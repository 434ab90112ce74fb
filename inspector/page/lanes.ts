/** Threads and Ps over time: a canvas that is drawn at each frame while it moves, beside names that are text. */
/// <reference lib="dom" />
import { Component, html } from "htm/preact";
import type { Sample, SampledThread } from "../sample.ts";
import { type History, type Segment, WINDOW } from "./history.ts";
import { color, onScheme } from "./color.ts";
import { bytes, percent, threadName } from "./format.ts";

/** CSS pixels. */
const ROW = 24;
const GAP = 3;

export const STATES = [
  "running",
  "in call",
  "waiting for a P",
  "frozen",
  "seized",
  "in event loop",
  "parked",
  "waking",
  "starting",
  "abandoned",
];

interface Props {
  readonly history: History;
  readonly sample: Sample;
  readonly onMove: (at: number) => void;
}

export function Lanes({ history, sample, onMove }: Props) {
  const lanes = [
    ...sample.threads.map((thread) => String(thread.tid)),
    ...sample.processors.map(({ number }) => `P${number}`),
  ];
  return html`
    <div class="lanes">
      <ul class="names">
        ${sample.threads.map((thread) =>
          html`
            <li key=${thread.tid} class=${thread.hogMs === undefined ? "" : "hog"}
              title=${`${threadName(thread)}: ${thread.state}`}>
                        <b>${threadName(thread)}</b> <span>${lately(thread)}</span>
                      </li>
          `
        )}
        ${sample.processors.map(({ number, state, thread, queued }) =>
          html`<li key=${`P${number}`} title=${`P${number}: ${state}`}>
            <b>P${number}</b> <span>${thread === undefined ? state : `thread ${thread}`}${
            queued === 0 ? "" : `, ${queued} queued`
          }</span>
          </li>`
        )}
      </ul>
      <${Canvas} history=${history} lanes=${lanes} cursor=${history.isPaused ? sample.at : undefined}
        onMove=${onMove} />
    </div>
    <p class="legend">
      ${STATES.map((state) => html`<span key=${state}><i class=${slug(state)}></i>${state} </span>`)}
      <span><i class="hog"></i>hog</span>
    </p>
  `;
}

function lately({ cpu, heapBytes, runs, state }: SampledThread): string {
  return [
    runs ?? state,
    ...(cpu === undefined ? [] : [percent(cpu)]),
    ...(heapBytes === undefined ? [] : [bytes(heapBytes)]),
  ].join(", ");
}

export function slug(state: string): string {
  return state.replaceAll(" ", "-");
}

interface CanvasProps {
  readonly history: History;
  readonly lanes: readonly string[];
  readonly cursor: number | undefined;
  readonly onMove: (at: number) => void;
}

class Canvas extends Component<CanvasProps> {
  #canvas!: HTMLCanvasElement;
  #frame = 0;
  #drawn = "";
  #forget = () => {};
  readonly #hold = (canvas: HTMLCanvasElement | null) => {
    if (canvas !== null) this.#canvas = canvas;
  };

  override componentDidMount(): void {
    this.#forget = onScheme(() => this.#drawn = "");
    const draw = () => {
      this.#draw();
      this.#frame = requestAnimationFrame(draw);
    };
    draw();
  }

  override componentWillUnmount(): void {
    this.#forget();
    cancelAnimationFrame(this.#frame);
  }

  #draw(): void {
    const canvas = this.#canvas;
    const { history, lanes, cursor } = this.props;
    const [width, height, ratio] = [canvas.clientWidth, lanes.length * ROW, devicePixelRatio];
    const end = history.end();
    const drawn = [width, height, ratio, end, cursor, lanes].join();
    if (drawn === this.#drawn || width === 0) return;
    this.#drawn = drawn;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = `${height}px`;
    }
    const pen = canvas.getContext("2d")!;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    const x = (at: number) => (at - end + WINDOW) / WINDOW * width;
    for (const [row, lane] of lanes.entries()) {
      const segments = history.lanes.get(lane) ?? [];
      for (const [i, segment] of segments.entries()) {
        // The newest lasts until something else is seen.
        this.#fill(pen, row, x(segment.from), x(i === segments.length - 1 ? end : segment.to), segment);
      }
    }
    if (cursor !== undefined) {
      pen.fillStyle = color("ink");
      pen.fillRect(x(cursor) - 1, 0, 2, height);
    }
  }

  #fill(
    pen: CanvasRenderingContext2D,
    row: number,
    from: number,
    to: number,
    { state, label, isHog }: Segment,
  ) {
    // To whole pixels, so that nothing shines through between two of them.
    const left = Math.max(0, Math.floor(from));
    const width = Math.ceil(to) - left;
    if (width <= 0) return;
    pen.fillStyle = color(isHog ? "hog" : slug(state));
    pen.fillRect(left, row * ROW + GAP, width, ROW - 2 * GAP);
    if (label === "" || width < 7 * label.length + 8) return;
    pen.fillStyle = color("on");
    pen.fillText(label, left + 4, row * ROW + ROW / 2);
  }

  #at(event: PointerEvent): number {
    const { left, width } = this.#canvas.getBoundingClientRect();
    return this.props.history.end() - WINDOW + (event.clientX - left) / width * WINDOW;
  }

  override render() {
    const { onMove } = this.props;
    return html`
      <canvas ref=${this.#hold} role="img" aria-label="What threads and Ps did in the last 30 seconds"
        onPointerDown=${(event: PointerEvent) => onMove(this.#at(event))}
        onPointerMove=${(event: PointerEvent) => event.buttons === 1 && onMove(this.#at(event))} />
    `;
  }
}
