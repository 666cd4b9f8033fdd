// The control API of the local Discord. The token is the fragment of the page's URL.

const TOKEN = location.hash.slice(1);
const RETRY_MILLISECONDS = 1000;

/** A refusal by the server, with its reason. `option` names the field, if there is one. */
export class Refusal extends Error {
	/** @param {number} status @param {{ error?: string, reason?: string, option?: string }} body */
	constructor(status, body) {
		super(body.reason || body.error || `The server responded with status ${status}.`);
		this.status = status;
		this.option = body.option ?? "";
	}
}

export const hasToken = TOKEN !== "";

/** The message of an error, for the member. @param {unknown} error */
export function errorText(error) {
	return error instanceof Refusal ? error.message : "The local Discord does not respond.";
}

/** @param {string} path @param {Record<string, string>} [query] */
export async function get(path, query = {}) {
	return read(await send(`${path}?${new URLSearchParams(query)}`));
}

/** @param {string} path @param {object} body @returns {Promise<any>} */
export async function post(path, body) {
	return read(await send(path, { method: "POST", body: JSON.stringify(body) }));
}

/**
 * Uploads a file for an option, a field or a message.
 * @param {File} file
 * @returns {Promise<Attachment>}
 */
export async function upload(file) {
	const path = `/uploads?${new URLSearchParams({ filename: file.name || "pasted.png" })}`;
	return read(await send(path, { method: "POST", body: file }));
}

/**
 * Calls `onEvent(name, data)` with each event of a stream, and reconnects whenever it breaks.
 *
 * Calls `onLost(true)` when it breaks, `onLost(false)` when it connects.
 * @param {string} path
 * @param {Record<string, string>} query
 * @param {(name: string, data: any) => void} onEvent
 * @param {(lost: boolean, why?: string) => void} [onLost]
 * @returns {() => void} stops listening
 */
export function listen(path, query, onEvent, onLost = () => {}) {
	const stop = new AbortController();
	const run = async () => {
		while (!stop.signal.aborted) {
			try {
				const address = `${path}?${new URLSearchParams(query)}`;
				const response = await send(address, { signal: stop.signal });
				if (!response.ok || !response.body) await read(response);
				onLost(false);
				if (response.body) await readEvents(response.body, onEvent);
			} catch (error) {
				if (stop.signal.aborted) return;
				if (error instanceof Refusal && error.status === 401) {
					onLost(true, error.message);
					return;
				}
				if (!(error instanceof Refusal || error instanceof TypeError)) console.error(error);
			}
			onLost(true);
			await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
		}
	};
	run();
	return () => stop.abort();
}

/** @param {string} path @param {RequestInit} [options] */
function send(path, options = {}) {
	return fetch(`/sandbox${path}`, { ...options, headers: { Authorization: `Bearer ${TOKEN}` } });
}

/** @param {Response} response */
async function read(response) {
	const body = await response.json().catch(() => ({}));
	if (!response.ok) throw new Refusal(response.status, body);
	return body;
}

/**
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {(name: string, data: any) => void} onEvent
 */
async function readEvents(body, onEvent) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = "";
	while (true) {
		const { done, value } = await reader.read();
		if (done) return;
		const blocks = (rest + value).split("\n\n");
		rest = blocks.pop() ?? "";
		for (const block of blocks) {
			const [, name, data] = block.match(/^event: (.*)\ndata: (.*)$/s) ?? [];
			if (name) onEvent(name, JSON.parse(data));
		}
	}
}
