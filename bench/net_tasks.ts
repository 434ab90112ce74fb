import { type Channel, task } from "@heddle/heddle";
import { accepts } from "../examples/echo.ts";
import { collectAll } from "./resident.ts";

/** The server of examples/echo.ts, on a thread that collects its garbage when it is told to, and says so. */
export const serves = task(
  import.meta,
  "serves",
  async (ctx, fd: number, open: Int32Array, collect: Channel<void>, collected: Channel<void>) => {
    const collects = async () => {
      for await (const _ of collect) {
        collectAll();
        await collected.send();
      }
    };
    await Promise.all([accepts.fn(ctx, fd, open), collects()]);
  },
);
