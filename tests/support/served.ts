/** Folders by HTTP on this machine, and the package as its registry serves it. */

interface Served extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
}

const kinds: Record<string, string> = {
  html: "text/html",
  css: "text/css",
  ts: "text/typescript",
  js: "text/javascript",
  json: "application/json",
};

/** Every file below the folder, by its path. */
export function serveFolder(folder: URL): Served {
  return serve(async (path) => await Deno.readFile(new URL(`.${path}`, folder)));
}

/**
 * As jsr.io: `meta.json` names versions, `VERSION_meta.json` exports and files with their hashes. What else the registry does is
 * to write out bare specifiers, and the package has none.
 */
export async function serveRegistry(folder: URL): Promise<Served> {
  const { name, version, exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", folder)));
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const path of pathsIn(folder)) {
    const bytes = await Deno.readFile(new URL(path, folder));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    manifest[`/${path}`] = { size: bytes.length, checksum: `sha256-${hash.toHex()}` };
  }
  const answers: Record<string, unknown> = {
    [`/${name}/meta.json`]: {
      scope: name.split("/")[0].slice(1),
      name: name.split("/")[1],
      versions: { [version]: {} },
    },
    [`/${name}/${version}_meta.json`]: { exports, manifest },
  };
  const files = `/${name}/${version}/`;
  return serve(async (path) => {
    if (path in answers) return new TextEncoder().encode(JSON.stringify(answers[path]));
    if (!path.startsWith(files)) throw new Deno.errors.NotFound(path);
    return await Deno.readFile(new URL(path.slice(files.length), folder));
  });
}

function* pathsIn(folder: URL, prefix = ""): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(prefix, folder))) {
    if (isDirectory) yield* pathsIn(folder, `${prefix}${name}/`);
    else yield prefix + name;
  }
}

function serve(fileOf: (path: string) => Promise<Uint8Array<ArrayBuffer>>): Served {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    try {
      const kind = kinds[/[^.]*$/.exec(pathname)![0]] ?? "text/plain";
      return new Response(await fileOf(decodeURIComponent(pathname)), { headers: { "content-type": kind } });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Response(undefined, { status: 404 });
      throw error;
    }
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
