// Lines that Discord's client itself shows in a channel, to this member only.

import { emit } from "./state.js";

/** Adds a line at the end of the channel, until the member dismisses it. @param {string} text */
export function addNote(text, { waiting = false } = {}) {
	const note = { text, waiting };
	emit("note", note);
	return note;
}

/** @param {Note} note */
export function removeNote(note) {
	emit("note-removed", note);
}
