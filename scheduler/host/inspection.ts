/**
 * `HEDDLE_INSPECT=1`: each scheduler of the process opens an inspector, and says on standard error where. The inspector stands on the
 * public API, above all rooms, so it is loaded by its place and not by an import: who does not ask for it loads nothing.
 */
import { isGranted, variable } from "../../ffi/permitted.ts";

interface Inspector {
  readonly url: string;
  close(): Promise<void>;
}

/** What there is of inspector/inspect.ts here. */
interface InspectorModule {
  inspect(scheduler: object): Promise<Inspector>;
}

/** An inspector that is on its way, or open. */
export class Inspection {
  #inspector: Inspector | undefined = undefined;
  #isClosed = false;

  /** If `HEDDLE_INSPECT` asks for it, and may be read: nobody is asked for the permission. */
  static ofEnvironment(scheduler: object, name: string | undefined): Inspection | undefined {
    const wish = variable("HEDDLE_INSPECT") ?? "";
    if (wish === "" || wish === "0") return undefined;
    if (wish !== "1") {
      console.warn(`HEDDLE_INSPECT is "${wish}", and nothing is opened: give 1, or unset it.`);
      return undefined;
    }
    if (!isGranted({ name: "net", host: "127.0.0.1" })) {
      console.warn("HEDDLE_INSPECT is 1, and nobody may listen on 127.0.0.1: allow it with --allow-net.");
      return undefined;
    }
    return new Inspection(scheduler, name);
  }

  private constructor(scheduler: object, name: string | undefined) {
    this.#open(scheduler, name).catch((error) => console.warn("HEDDLE_INSPECT opens no inspector:", error));
  }

  async #open(scheduler: object, name: string | undefined): Promise<void> {
    // In the package's one file this is at the root, and in the sources two folders below.
    const root = import.meta.url.endsWith("/scheduler/host/inspection.ts") ? "../../" : "./";
    const place = new URL(`${root}inspector/inspect.ts`, import.meta.url).href;
    const { inspect }: InspectorModule = await import(place);
    if (this.#isClosed) return;
    const inspector = await inspect(scheduler);
    if (this.#isClosed) return await inspector.close();
    this.#inspector = inspector;
    console.error(
      `Heddle${name === undefined ? "" : ` ${JSON.stringify(name)}`}: inspect it at ${inspector.url}`,
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#inspector?.close();
  }
}
