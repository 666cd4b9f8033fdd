// The control API of the local Discord. The token is the part of the address behind the #.

const TOKEN = location.hash.slice(1);

/** What the server refuses, in its own words; `option` names the field where there is one. */
export class Refusal extends Error {
  constructor(status, body) {
    super(body.reason || body.error || `The server answers ${status}.`);
    this.status = status;
    this.option = body.option ?? "";
  }
}

export const hasToken = TOKEN !== "";

export async function get(path, query = {}) {
  return read(await ask(`${path}?${new URLSearchParams(query)}`));
}

export async function post(path, wish) {
  return read(await ask(path, { method: "POST", body: JSON.stringify(wish) }));
}

/** Puts up a file for an option, a field or a message; returns what the server made of it. */
export async function upload(file) {
  const path = `/uploads?${new URLSearchParams({ filename: file.name || "pasted.png" })}`;
  return read(await ask(path, { method: "POST", body: file }));
}

/**
 * Calls `hear(name, data)` with each event of a stream, and comes back to it whenever it breaks.
 * `lost(true)` says that it has broken, `lost(false)` that it flows. Returns how to stop.
 */
export function listen(path, query, hear, lost = () => {}) {
  const stop = new AbortController();
  (async () => {
    while (!stop.signal.aborted) {
      try {
        const response = await ask(`${path}?${new URLSearchParams(query)}`, { signal: stop.signal });
        if (!response.ok) await read(response);
        lost(false);
        await eachEvent(response.body, hear);
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error instanceof Refusal && error.status === 401) return lost(true, error.message);
        if (!(error instanceof Refusal || error instanceof TypeError)) console.error(error);
      }
      lost(true);
      await new Promise((resume) => setTimeout(resume, 1000));
    }
  })();
  return () => stop.abort();
}

function ask(path, options = {}) {
  return fetch(`/sandbox${path}`, { ...options, headers: { Authorization: `Bearer ${TOKEN}` } });
}

async function read(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, body);
  return body;
}

async function eachEvent(body, hear) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const [, name, data] = block.match(/^event: (.*)\ndata: (.*)$/s) ?? [];
      if (name) hear(name, JSON.parse(data));
    }
  }
}
