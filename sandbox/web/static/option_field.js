// A field for one option of a command, depending on the option's type.

import { post } from "./api.js";
import { element, icon, iconButton, sizeText, uniqueId } from "./dom.js";
import { guildChoices } from "./select_options.js";
import { state } from "./state.js";
import { SuggestionList } from "./suggestion_list.js";

const STRING = 3;
const INTEGER = 4;
const BOOLEAN = 5;
const USER = 6;
const CHANNEL = 7;
const ROLE = 8;
const MENTIONABLE = 9;
const NUMBER = 10;
const ATTACHMENT = 11;
const TYPING_PAUSE = 150; // milliseconds without a key until the bot is asked for suggestions

/**
 * @typedef {object} Control
 * @property {HTMLElement} node
 * @property {HTMLInputElement | HTMLSelectElement} input
 * @property {(value: any) => void} set
 * @property {() => OptionValue | File | undefined} read
 *
 * @typedef {object} OptionField
 * @property {CommandOption} option
 * @property {string} name
 * @property {HTMLElement} node
 * @property {(text: string) => void} complain
 * @property {(value: any) => void} set
 * @property {() => OptionValue | File | undefined} read
 * @property {() => void} focus
 */

/** The name under which an option is sent, whatever the language. @param {CommandOption} option */
export function originalName(option) {
	return option.original_name ?? option.name;
}

/**
 * @param {CommandOption} option
 * @param {import("./command_form.js").CommandForm} form
 * @returns {OptionField}
 */
export function optionField(option, form) {
	const id = uniqueId("option");
	const control = createControl(option, id, form);
	const problem = element("p.problem", { id: `${id}-problem` });
	const hint = element(
		"span.unseen",
		{ id: `${id}-hint` },
		`${option.description}${rangeText(option)}`,
	);
	control.input.setAttribute("aria-describedby", `${id}-hint ${id}-problem`);
	if (option.required) control.input.ariaRequired = "true";
	const remove =
		!option.required && iconButton("close", `Remove ${option.name}`, () => form.remove(option));
	const node = element(
		"div",
		{ class: `option type${option.type}`, "data-option": originalName(option) },
		element(
			"div.pill",
			element("label", { for: id, title: option.description }, option.name),
			control.node,
			remove,
		),
		problem,
		hint,
	);
	control.input.addEventListener("focus", () => form.explain(option, rangeText(option)));
	control.input.addEventListener("keydown", (event) => {
		if (
			event instanceof KeyboardEvent &&
			event.key === "Backspace" &&
			control.input.value === "" &&
			!option.required
		) {
			event.preventDefault();
			form.remove(option);
		}
	});
	const complain = (text) => {
		problem.textContent = text;
		control.input.ariaInvalid = text ? "true" : null;
	};
	node.addEventListener("input", () => complain(""));
	return {
		option,
		name: originalName(option),
		node,
		complain,
		set: control.set,
		read: control.read,
		focus: () => control.input.focus(),
	};
}

function rangeText(option) {
	const low = option.min_value ?? option.min_length,
		high = option.max_value ?? option.max_length;
	if (low === undefined && high === undefined) return "";
	const unit = option.type === STRING ? " characters" : "";
	if (high === undefined) return ` (at least ${low}${unit})`;
	return ` (${low === undefined ? `at most ${high}` : `${low} to ${high}`}${unit})`;
}

/** @returns {Control} */
function createControl(option, id, form) {
	if (option.type === ATTACHMENT) return fileControl(id);
	const choices = choicesOf(option);
	return choices ? choiceControl(id, choices) : textControl(option, id, form);
}

/** @param {CommandOption} option */
function choicesOf(option) {
	const { users, roles, channels } = guildChoices();
	switch (option.type) {
		case BOOLEAN:
			return [true, false].map((value) => ({ label: value ? "True" : "False", value }));
		case USER:
			return users;
		case ROLE:
			return roles;
		case MENTIONABLE:
			return [...users, ...roles];
		case CHANNEL:
			return channels;
		default:
			return option.choices?.map(({ name, value }) => ({ label: name, value }));
	}
}

/** @returns {Control} */
function choiceControl(id, choices) {
	/** A value that is not among the choices. The server refuses it. */
	let unknown;
	const input = element(
		"select",
		{ id },
		element("option", { value: "" }, "Choose…"),
		choices.map(({ label }, index) => element("option", { value: index }, label)),
	);
	const set = (value) => {
		const index = choices.findIndex((each) =>
			[each.value, each.label].map(String).includes(String(value)),
		);
		input.value = index < 0 ? "" : String(index);
		unknown = index < 0 && value !== "" ? value : undefined;
	};
	input.addEventListener("change", () => {
		unknown = undefined;
	});
	const read = () => (input.value === "" ? unknown : choices[Number(input.value)].value);
	return { node: input, input, set, read };
}

/** @returns {Control} */
function textControl(option, id, form) {
	const numeric = option.type === INTEGER || option.type === NUMBER;
	const input = element("input", {
		id,
		type: "text",
		autocomplete: "off",
		spellcheck: numeric ? "false" : null,
		inputmode: numeric ? (option.type === INTEGER ? "numeric" : "decimal") : null,
		role: option.autocomplete ? "combobox" : null,
	});
	/** The value behind a suggestion that was chosen. @type {string | undefined} */
	let chosen;
	const read = () => {
		const text = chosen ?? input.value;
		if (text === "") return undefined;
		return numeric && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
	};
	const set = (value) => {
		input.value = String(value);
		chosen = undefined;
	};
	input.addEventListener("input", () => {
		chosen = undefined;
	});
	const choose = (choice) => {
		input.value = choice.name;
		chosen = choice.value;
	};
	const list = option.autocomplete ? suggest(option, input, form, choose) : null;
	return { node: list ? element("div.suggested", input, list.node) : input, input, set, read };
}

/** Asks the bot for suggestions while the member types. */
function suggest(option, input, form, choose) {
	const list = new SuggestionList(
		input,
		`Suggestions for ${option.name}`,
		(choice) => [choice.name],
		choose,
	);
	let asked = 0;
	let timer;
	const ask = async () => {
		const number = ++asked;
		const body = {
			member: state.me,
			channel: state.channelId,
			command: form.path,
			options: form.typed(),
			focused: originalName(option),
		};
		body.options[originalName(option)] = input.value;
		const { choices = [] } = await post("/commands/complete", body).catch(() => ({}));
		if (number === asked && document.activeElement === input) list.show(choices, -1);
	};
	const askSoon = () => {
		clearTimeout(timer);
		timer = setTimeout(ask, TYPING_PAUSE);
	};
	input.addEventListener("input", askSoon);
	input.addEventListener("focus", askSoon);
	input.addEventListener("blur", () => {
		clearTimeout(timer);
		asked += 1;
	});
	input.addEventListener("keydown", (event) => list.key(event));
	return list;
}

/** @returns {Control} */
function fileControl(id) {
	/** @type {File | null} */
	let file = null;
	const input = element("input.unseen", { type: "file", id, accept: null });
	const box = element("span.chosen-file");
	const choose = element(
		"button.link",
		{ onclick: () => input.click() },
		"Choose, drop or paste a file",
	);
	choose.tabIndex = -1;
	const set = (chosen) => {
		file = chosen;
		box.replaceChildren(
			...(file
				? [
						preview(file),
						element("span", file.name || "pasted image"),
						element("small", sizeText(file.size)),
					]
				: [choose]),
		);
	};
	input.addEventListener("change", () => {
		if (input.files?.length) set(input.files[0]);
	});
	set(null);
	return {
		node: element("span.file-control", input, box),
		input,
		set,
		read: () => file ?? undefined,
	};
}

/** A small preview of a file that is about to be sent. @param {File} file */
export function preview(file) {
	if (!file.type.startsWith("image/")) return icon("file");
	const address = URL.createObjectURL(file);
	const img = element("img", { src: address, alt: "" });
	img.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
	return img;
}
