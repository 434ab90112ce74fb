/** The host's part in the way of parcels, from whose sender to whose receiver there is no port: side_channel.ts. */
import type { Shared } from "../parking/shared.ts";
import { G_DROPPED, G_FREE, type GTable } from "./g_table.ts";
import type { Port } from "./owner.ts";
import { dropParcel, type Parcel } from "./parcel.ts";
import type { SideChannel } from "./side_channel.ts";

/** The threads, by their isolates' numbers. */
export interface Sides {
  get(isolate: number): { readonly side: SideChannel } | undefined;
}

/** What it sends are the host's own arguments, and what it takes its own results. */
export class Forwarder implements Port {
  /** Arguments, until the runner asks for them: by slot. Also whatever dead threads had posted. */
  readonly #parcels = new Map<number, Parcel>();
  readonly #shared: Shared;
  readonly #gs: GTable;
  readonly #sides: Sides;

  constructor(shared: Shared, gs: GTable, sides: Sides) {
    this.#shared = shared;
    this.#gs = gs;
    this.#sides = sides;
  }

  post(slot: number, parcel: Parcel): void {
    this.#parcels.set(slot, parcel);
  }

  take(slot: number): Parcel | undefined {
    return this.#takeFrom(slot, this.#gs.runner(slot));
  }

  drop(slot: number): void {
    if (this.#parcels.size === 0) return;
    dropParcel(this.#parcels.get(slot), this.#gs.handles);
    this.#parcels.delete(slot);
  }

  #takeArguments(slot: number): Parcel | undefined {
    return this.#takeFrom(slot, this.#shared.arena.ownerOf(slot));
  }

  /** What that isolate posted, which may have died meanwhile. */
  #takeFrom(slot: number, sender: number): Parcel | undefined {
    const parcel = this.#parcels.get(slot) ?? this.#sides.get(sender)?.side.take(slot);
    this.#parcels.delete(slot);
    return parcel;
  }

  /** A runner asks for arguments. */
  forward(slot: number): void {
    const parcel = this.#takeArguments(slot);
    if (parcel === undefined) throw new Error(`Heddle: the arguments of slot ${slot} never arrived.`);
    const runner = this.#gs.runner(slot);
    this.#sides.get(runner)?.side.post(slot, parcel);
    this.#shared.mail.toRunner(runner, slot);
  }

  /**
   * Of a thread's task: its result goes to another thread, or it was cancelled and its arguments are here. False: that has
   * happened before.
   */
  passOn(slot: number): boolean {
    const owner = this.#shared.arena.ownerOf(slot);
    const isDropped = this.#gs.status(slot) === G_DROPPED;
    const parcel = isDropped ? this.#takeArguments(slot) : this.take(slot);
    if (parcel === undefined) return false;
    const to = this.#sides.get(owner);
    if (isDropped || to === undefined) dropParcel(parcel, this.#gs.handles);
    else to.side.post(slot, parcel);
    if (to === undefined) this.#gs.discard(slot);
    else this.#shared.mail.toOwner(owner, slot);
    return true;
  }

  /** What a thread had posted that has died. */
  inherit(side: SideChannel): void {
    for (const [slot, parcel] of side.takeAll()) {
      // A free one it had not queued yet.
      if (this.#gs.status(slot) === G_FREE) dropParcel(parcel, this.#gs.handles);
      else this.#parcels.set(slot, parcel);
    }
  }

  /** Of a thread's task whose runner died before it got them. */
  dropArguments(slot: number): void {
    if (this.#gs.isByPort(slot)) dropParcel(this.#takeArguments(slot), this.#gs.handles);
  }

  /** An error in a dead runner's place, to the slot's owner, a thread. */
  postToOwner(slot: number, parcel: Parcel): void {
    this.#sides.get(this.#shared.arena.ownerOf(slot))?.side.post(slot, parcel);
  }
}
