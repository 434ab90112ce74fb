/** A real Chromium: Debian's, or what else calls itself so. */
import { type Browser, launch } from "puppeteer-core";

const places = ["chromium", "chromium-browser", "google-chrome"].map((name) => `/usr/bin/${name}`);

/** Ends the process with a line if there is none. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = places.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  if (executablePath === undefined) {
    console.error("There is no Chromium in /usr/bin: apt-get install chromium");
    Deno.exit(1);
  }
  // As root, as on machines that build, it has no sandbox; what it shows is our own.
  return await launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}
