/** Tasks: how many of which kind, and single ones with a search, of which each can be looked at over time. */
/// <reference lib="dom" />
import { Component, html } from "htm/preact";
import { type Answer, type Life, ROWS } from "../lives.ts";
import type { Sample } from "../sample.ts";
import { clock, count, counted, milliseconds, place } from "./format.ts";

const STATES = ["waiting for a slot", "queued", "importing", "begun", "cancelled", "ended"];
/** Milliseconds from one question to the next while it is live, and after a key until it is asked. */
const EVERY = 1000;
const AFTER_KEY = 150;

interface Props {
  readonly sample: Sample;
  readonly isPaused: boolean;
}

interface State {
  readonly search: string;
  readonly wanted: string;
  readonly page: number;
  readonly answer: Answer;
  readonly life: Life | undefined;
}

export class Tasks extends Component<Props, State> {
  override state: State = {
    search: "",
    wanted: "",
    page: 0,
    answer: { total: 0, rows: [] },
    life: undefined,
  };
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #asked = 0;
  #shownAt = 0;

  override componentDidMount(): void {
    this.#ask();
  }

  override componentWillUnmount(): void {
    clearTimeout(this.#timer);
  }

  override componentDidUpdate(): void {
    const { sample, isPaused } = this.props;
    if (isPaused && sample.at !== this.#shownAt) this.#later(AFTER_KEY);
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), ms);
  }

  /** The page's server may be gone: then what is shown stays. */
  async #ask(): Promise<void> {
    if (document.hidden) return this.#later(EVERY);
    const { search, wanted, page, life } = this.state;
    const { sample, isPaused } = this.props;
    const asked = ++this.#asked;
    this.#shownAt = sample.at;
    const query = new URLSearchParams({ search, state: wanted, page: String(page) });
    if (isPaused) query.set("at", String(sample.at));
    const [answer, again] = await Promise.all([
      get<Answer>(`tasks?${query}`),
      life && get<Life>(`task?id=${life.id}`),
    ]);
    if (asked !== this.#asked) return;
    this.setState({ ...(answer && { answer }), ...(again && { life: again }) });
    if (!this.props.isPaused) this.#later(EVERY);
  }

  #set(change: Partial<State>): void {
    this.setState({ page: 0, ...change });
    this.#later(AFTER_KEY);
  }

  async #open(id: number): Promise<void> {
    this.setState({ life: await get<Life>(`task?id=${id}`) });
  }

  override render() {
    const { sample } = this.props;
    const { search, wanted, page, answer, life } = this.state;
    const pages = Math.max(1, Math.ceil(answer.total / ROWS));
    return html`
      <p class="groups">${sample.groups.slice(0, 12).map(({ name, state, count: many }) =>
        html`
          <button key=${`${name} ${state}`} onClick=${() => this.#set({ search: name, wanted: state })}>
                    <b>${count(many)}</b> ${name}, ${state}</button>
        `
      )}</p>
      <p class="search">
        <input id="search" type="search" placeholder="Name, module or number ( / )" aria-label="Search tasks"
          value=${search}
          onInput=${(event: Event) => this.#set({ search: (event.target as HTMLInputElement).value })} />
        <select aria-label="State" value=${wanted}
          onChange=${(event: Event) => this.#set({ wanted: (event.target as HTMLSelectElement).value })}>
          <option value="">all states</option>
          ${STATES.map((state) => html`<option key=${state} value=${state}>${state}</option>`)}
        </select>
        <button disabled=${page === 0} onClick=${() =>
          this.#set({ page: page - 1 })} aria-label="Page before">‹</button>
        <span data-total=${answer.total}>${counted(answer.total, "task")}, page ${page + 1} of ${count(
          pages,
        )}</span>
        <button disabled=${page + 1 >= pages} onClick=${() =>
          this.#set({ page: page + 1 })} aria-label="Next page">›</button>
      </p>
      ${life &&
        html`<${LifeOf} life=${life} now=${sample.at} onClose=${() => this.setState({ life: undefined })} />`}
      <div class="wide">
        <table class="tasks">
          <thead>
            <tr>
              <th>task</th>
              <th>name</th>
              <th>state</th>
              <th>thread</th>
              <th class="number">so since</th>
            </tr>
          </thead>
          <tbody>${answer.rows.map(({ id, name, state, thread, at, module }) =>
            html`
              <tr key=${id}>
                <td><button onClick=${() =>
                  this.#open(id)} aria-label=${`The life of task ${id}`}>${id}</button></td>
                <td title=${module}>${name}</td>
                <td>${state}</td>
                <td>${place(thread)}</td>
                <td class="number">${milliseconds(Math.max(0, sample.at - at))}</td>
              </tr>
            `
          )}</tbody>
        </table>
      </div>
    `;
  }
}

function LifeOf({ life, now, onClose }: { life: Life; now: number; onClose: () => void }) {
  const { id, name, module, startedBy, steps } = life;
  return html`
    <section class="life" aria-label=${`Task ${id}`}>
      <button class="close" onClick=${onClose} aria-label="Close">×</button>
      <h3>Task ${id}: ${name}</h3>
      <p class="quiet">${module}, started by ${place(startedBy)}</p>
      <ol>${steps.map(({ at, state, thread }, i) =>
        html`<li key=${i}><time>${clock(at)}</time> ${state}${
          thread === undefined ? "" : ` on ${place(thread)}`
        }${state === "gone" ? "" : `, for ${milliseconds(Math.max(0, (steps[i + 1]?.at ?? now) - at))}`}</li>`
      )}</ol>
    </section>
  `;
}

async function get<T>(path: string): Promise<T | undefined> {
  try {
    const response = await fetch(path);
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
