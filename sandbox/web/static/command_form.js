// A chosen command with its options as fields, until it is sent or cancelled.

import { errorText, post, Refusal, upload } from "./api.js";
import { element, nameOf } from "./dom.js";
import { addNote, removeNote } from "./notes.js";
import { optionField, originalName } from "./option_field.js";
import { state } from "./state.js";

const ATTACHMENT = 11;

export class CommandForm {
	/**
	 * @param {Command} command
	 * @param {(sent: boolean, options?: Record<string, OptionValue>) => void} done
	 */
	constructor(command, done) {
		this.command = command;
		this.path = command.path;
		this.done = done;
		/** @type {Map<string, import("./option_field.js").OptionField>} */
		this.fields = new Map();
		this.row = element("div.options");
		this.more = element("div.more-options");
		this.problem = element("p.problem", { role: "alert" });
		this.hint = element("p.hint", { "aria-hidden": "true" });
		this.sendButton = element("button.first", { type: "submit" }, "Send");
		this.node = element(
			"form.command",
			{ "aria-label": `Command /${command.shown}`, novalidate: true },
			element("div.command-head", element("span.command-name", `/${command.shown}`), this.hint),
			this.row,
			this.problem,
			element(
				"div.command-foot",
				this.more,
				element(
					"div.command-buttons",
					element("button.second", { onclick: () => done(false) }, "Cancel"),
					this.sendButton,
				),
			),
		);
		this.node.addEventListener("submit", (event) => {
			event.preventDefault();
			this.send();
		});
		this.node.addEventListener("keydown", (event) => {
			if (event.key === "Enter" && event.target instanceof HTMLSelectElement) {
				event.preventDefault();
				this.send();
			}
		});
		this.explain(null);
		for (const option of command.options) if (option.required) this.add(option);
		this.drawAddButtons();
	}

	/** @param {CommandOption | null} option */
	explain(option, range = "") {
		this.hint.textContent = option
			? `${option.name}: ${option.description}${range}`
			: this.command.description;
	}

	/** Shows the field of an option. @param {CommandOption} option */
	add(option) {
		const name = originalName(option);
		const shown = this.fields.get(name);
		if (shown) return shown;
		const field = optionField(option, this);
		this.fields.set(name, field);
		this.row.append(field.node);
		this.drawAddButtons();
		return field;
	}

	/** @param {CommandOption} option */
	remove(option) {
		const name = originalName(option);
		this.fields.get(name)?.node.remove();
		this.fields.delete(name);
		this.drawAddButtons();
		this.focus();
	}

	/** Shows a button for each option without a field. */
	drawAddButtons() {
		const left = this.command.options.filter((option) => !this.fields.has(originalName(option)));
		const buttons = left.map((option) =>
			element(
				"button.add",
				{
					title: option.description,
					"aria-label": `Add ${option.name}: ${option.description}`,
					onclick: () => this.add(option).focus(),
				},
				`+ ${option.name}`,
			),
		);
		this.more.replaceChildren(...buttons);
	}

	/** Fills in options by name. Unknown names are ignored. @param {Record<string, any>} values */
	fill(values) {
		for (const [name, value] of Object.entries(values)) {
			const option = this.command.options.find((each) => originalName(each) === name);
			if (option) this.add(option).set(value);
		}
	}

	/**
	 * Puts a file into the first empty attachment option. False if there is none.
	 * @param {File} file
	 */
	take(file) {
		const option = this.command.options.find(
			(each) =>
				each.type === ATTACHMENT && this.fields.get(originalName(each))?.read() === undefined,
		);
		if (!option) return false;
		this.add(option).set(file);
		return true;
	}

	focus() {
		const field =
			[...this.fields.values()].find((each) => each.read() === undefined) ??
			[...this.fields.values()].at(-1);
		if (field) field.focus();
		else this.sendButton.focus();
	}

	/** The current values, without files. */
	typed() {
		/** @type {Record<string, OptionValue>} */
		const values = {};
		for (const field of this.fields.values()) {
			const value = field.read();
			if (value !== undefined && !(value instanceof Blob)) values[field.name] = value;
		}
		return values;
	}

	async send() {
		const send = this.sendButton;
		if (send.ariaBusy === "true") return;
		send.ariaBusy = "true";
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
			send.ariaBusy = null;
		}
	}

	/** @param {Record<string, OptionValue>} options */
	async run(options) {
		const outcome = await runCommand(this.path, this.command.shown, options);
		this.done(true, options);
		if (outcome.kind === "modal") (await import("./modal.js")).openModal(outcome);
	}

	/** Shows an error at its option, or below all of them. @param {unknown} error */
	refuse(error) {
		const name = error instanceof Refusal ? error.option : "";
		const option = this.command.options.find((each) => originalName(each) === name);
		if (option) {
			const field = this.add(option);
			field.complain(errorText(error));
			field.focus();
		} else this.problem.replaceChildren(errorText(error));
	}
}

/**
 * Runs a command in the current channel. Throws Refusal if Discord's client would not send it.
 * @param {string} path
 * @param {string} shown
 * @param {Record<string, OptionValue>} options
 * @returns {Promise<Outcome>}
 */
export async function runCommand(path, shown, options) {
	const outcome = await post("/commands/run", {
		member: state.me,
		channel: state.channelId,
		command: path,
		options,
	});
	if (outcome.kind === "failed") {
		const bot = state.bot ? nameOf(state.bot) : "The bot";
		addNote(`/${shown}: ${outcome.error}. ${bot} may be starting, or Discord may be down.`);
	}
	return outcome;
}
