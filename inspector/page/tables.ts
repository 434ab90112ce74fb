/** Threads, and channels and locks. */
/// <reference lib="dom" />
import { html } from "htm/preact";
import type { DumpedHolder } from "@heddle/heddle";
import type { Sample } from "../sample.ts";
import { bytes, count, milliseconds, party, percent, place, threadName } from "./format.ts";
import { slug } from "./lanes.ts";

export function Threads({ sample }: { sample: Sample }) {
  return html`
    <div class="wide">
      <table class="threads">
        <thead>
          <tr>
            <th>thread</th>
            <th>role</th>
            <th>state</th>
            <th>runs</th>
            <th class="number">CPU</th>
            <th class="number">in all</th>
            <th class="number">heap</th>
            <th class="number">begun</th>
            <th class="number">started</th>
            <th class="number">parks</th>
          </tr>
        </thead>
        <tbody>${sample.threads.map((thread) =>
          html`
            <tr key=${thread.tid} class=${thread.hogMs === undefined ? "" : "hog"}>
              <td>${threadName(thread)}</td>
              <td>${thread.role}</td>
              <td><i class=${slug(thread.state)}></i>${thread.state}${thread.systemCall === undefined
                ? ""
                : ` (${thread.systemCall})`}</td>
              <td>${thread.runs ?? ""}${thread.hogMs === undefined
                ? ""
                : ` (a hog for ${milliseconds(thread.hogMs)})`}</td>
              <td class="number">${thread.cpu === undefined ? "" : percent(thread.cpu)}</td>
              <td class="number">${thread.cpuMs === undefined ? "" : milliseconds(thread.cpuMs)}</td>
              <td class="number">${thread.heapBytes === undefined ? "" : bytes(thread.heapBytes)}</td>
              <td class="number">${count(thread.begun)}</td>
              <td class="number">${count(thread.ran)}</td>
              <td class="number">${count(thread.parks)}</td>
            </tr>
          `
        )}</tbody>
      </table>
    </div>
  `;
}

/** Tasks that hold permits of one semaphore, and are shown. Guess. */
const MOST_HOLDERS = 4;

/** A thread, or those of its tasks that hold it. */
function holderText({ thread, tasks = [] }: DumpedHolder): string {
  if (tasks.length <= 1) return party(thread, tasks[0]);
  const more = tasks.length > MOST_HOLDERS ? ` and ${count(tasks.length - MOST_HOLDERS)} more` : "";
  return `tasks ${tasks.slice(0, MOST_HOLDERS).join(", ")}${more} of ${party(thread)}`;
}

export function Objects({ sample }: { sample: Sample }) {
  const { objects, objectCount } = sample;
  if (objectCount === 0) return html`<p class="quiet">No two threads share a channel or a lock.</p>`;
  return html`
    <div class="wide">
      <table class="objects">
        <thead>
          <tr>
            <th>name</th>
            <th class="number">has</th>
            <th>held by</th>
            <th>waiting</th>
          </tr>
        </thead>
        <tbody>${objects.map(({ name, count: filled, limit, isClosed, isPoisoned, heldBy, waiting }) =>
          html`
            <tr key=${name}>
              <td>${name}${isClosed ? ", closed" : ""}${isPoisoned ? ", its holder died" : ""}</td>
              <td class="number">${filled === undefined
                ? ""
                : limit === undefined
                ? filled
                : `${filled} of ${limit}`}</td>
              <td>${heldBy.map(holderText).join(", ")}</td>
              <td>${waiting.map(({ thread, operation, count: many, inSelect }) =>
                `${place(thread)} to ${operation}${inSelect ? " in a select" : ""}${
                  many === 1 ? "" : ` (${count(many)} times)`
                }`
              ).join(", ")}</td>
            </tr>
          `
        )}</tbody>
      </table>
    </div>
    ${objectCount > objects.length &&
      html`<p class="quiet">and ${count(objectCount - objects.length)} more</p>`}
  `;
}
