// What Discord's client itself says in a channel, to this member only: nobody sent it.

import { tell } from "./state.js";

/** Puts a line at the end of the channel, until the member dismisses it. */
export function addNote(text, { by = null, waiting = false } = {}) {
  const note = { text, by, waiting };
  tell("note", note);
  return note;
}

export function removeNote(note) {
  tell("note-gone", note);
}
