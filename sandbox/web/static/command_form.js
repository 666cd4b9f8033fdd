// A command that was chosen, with its options as fields, until it is sent or given up.

import { Refusal, post, upload } from "./api.js";
import { el, nameOf } from "./dom.js";
import { openModal } from "./modal.js";
import { addNote, removeNote } from "./notes.js";
import { optionField } from "./option_field.js";
import { state } from "./state.js";

const FILE = 11;

export class CommandForm {
  /** `command` has `path`, `description` and `options`; `done(sent)` is called at the end. */
  constructor(command, done) {
    this.command = command;
    this.path = command.path;
    this.done = done;
    this.fields = new Map();
    this.row = el("div", { class: "options" });
    this.more = el("div", { class: "more-options" });
    this.problem = el("p", { class: "problem", role: "alert" });
    this.hint = el("p", { class: "hint", "aria-hidden": "true" });
    this.node = el(
      "form",
      { class: "command", "aria-label": `Command /${command.shown}`, novalidate: true },
      el("div", { class: "command-head" }, el("span", { class: "command-name" }, `/${command.shown}`), this.hint),
      this.row,
      this.problem,
      el("div", { class: "command-foot" }, this.more, el("div", { class: "command-buttons" }, el("button", { type: "button", class: "second", onclick: () => done(false) }, "Cancel"), el("button", { class: "first" }, "Send"))),
    );
    this.node.addEventListener("submit", (event) => (event.preventDefault(), this.send()));
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape") done(false);
      if (event.key === "Enter" && event.target.matches("select")) (event.preventDefault(), this.send());
    });
    this.explain(null);
    for (const option of command.options) if (option.required) this.add(option);
    this.offer();
  }

  explain(option, range = "") {
    this.hint.textContent = option ? `${option.name}: ${option.description}${range}` : this.command.description;
  }

  add(option) {
    const name = option.original_name ?? option.name;
    if (this.fields.has(name)) return this.fields.get(name);
    const field = optionField(option, this);
    this.fields.set(name, field);
    this.row.append(field.node);
    this.offer();
    return field;
  }

  remove(option) {
    const name = option.original_name ?? option.name;
    this.fields.get(name)?.node.remove();
    this.fields.delete(name);
    this.offer();
    this.focus();
  }

  /** The options that may still be added, as buttons. */
  offer() {
    const left = this.command.options.filter((option) => !this.fields.has(option.original_name ?? option.name));
    const buttons = left.map((option) =>
      el("button", { type: "button", class: "add", title: option.description, "aria-label": `Add ${option.name}: ${option.description}`, onclick: () => this.add(option).focus() }, `+ ${option.name}`),
    );
    this.more.replaceChildren(...buttons);
  }

  /** Fills options in by name; those that the command does not have are passed over. */
  fill(values) {
    for (const [name, value] of Object.entries(values)) {
      const option = this.command.options.find((each) => (each.original_name ?? each.name) === name);
      if (option) this.add(option).set(value);
    }
  }

  /** Puts a file into the first option that takes one and has none yet; false without such. */
  take(file) {
    const option = this.command.options.find((each) => each.type === FILE && this.fields.get(each.original_name ?? each.name)?.read() === undefined);
    if (!option) return false;
    this.add(option).set(file);
    return true;
  }

  focus() {
    const field = [...this.fields.values()].find((each) => each.read() === undefined) ?? [...this.fields.values()].at(-1);
    if (field) field.focus();
    else this.node.querySelector("button.first").focus();
  }

  /** What stands in the fields now, files left out. */
  typed() {
    const values = {};
    for (const field of this.fields.values()) {
      const value = field.read();
      if (value !== undefined && !(value instanceof Blob)) values[field.name] = value;
    }
    return values;
  }

  async send() {
    const send = this.node.querySelector("button.first");
    if (send.getAttribute("aria-busy") === "true") return;
    send.setAttribute("aria-busy", "true");
    this.problem.replaceChildren();
    for (const field of this.fields.values()) field.complain("");
    const waiting = addNote(`Sending /${this.command.shown}…`, { waiting: true });
    try {
      const options = this.typed();
      for (const field of this.fields.values()) {
        const value = field.read();
        if (value instanceof Blob) options[field.name] = (await upload(value)).id;
      }
      await this.run(options);
    } catch (error) {
      this.refuse(error);
    } finally {
      removeNote(waiting);
      send.removeAttribute("aria-busy");
    }
  }

  async run(options) {
    const outcome = await runCommand(this.path, this.command.shown, options);
    this.done(true, options);
    if (outcome.kind === "modal") openModal(outcome);
  }

  refuse(error) {
    const why = error instanceof Refusal ? error.message : "The local Discord does not answer. Nothing was sent.";
    const option = this.command.options.find((each) => (each.original_name ?? each.name) === error.option);
    if (!option) return this.problem.replaceChildren(why);
    const field = this.add(option);
    field.complain(why);
    field.focus();
  }
}

/** Sends a command in the channel that is looked at. Throws Refusal where Discord's client would. */
export async function runCommand(path, shown, options) {
  const outcome = await post("/commands/run", { member: state.me, channel: state.place, command: path, options });
  if (outcome.kind === "failed") addNote(`/${shown}: ${outcome.error}. ${nameOf(state.bot)} may be starting, or Discord is in trouble.`);
  return outcome;
}
