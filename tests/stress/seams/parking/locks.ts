/**
 * As scheduler/parking/locks.ts; threads compute for a moment where they go into the scheduler and come out, so that the signal finds
 * them right before and right after. In JavaScript alone: elsewhere they could not be frozen.
 */
import * as undisturbed from "../../../../scheduler/parking/locks.ts";
import { count } from "../disturbance.ts";

export * from "../../../../scheduler/parking/locks.ts";

export class Locks extends undisturbed.Locks {
  override hold(): void {
    count();
    super.hold();
    count();
  }

  override release(): void {
    count();
    super.release();
    count();
  }

  override enter(): void {
    count();
    super.enter();
    count();
  }

  override leave(): void {
    count();
    super.leave();
    count();
  }
}
