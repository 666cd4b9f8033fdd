// A modal that the bot opens. Loaded when the first one opens.

import { errorText, post } from "./api.js";
import { element, nameOf, uniqueId } from "./dom.js";
import { markdown } from "./markdown.js";
import { selectOptions } from "./select_options.js";
import { state } from "./state.js";

const ACTION_ROW = 1;
const TEXT_INPUT = 4;
const TEXT_DISPLAY = 10;
const LABEL = 18;
const PARAGRAPH_STYLE = 2;

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {() => string | string[]} value
 * @property {(text: string) => void} complain
 * @property {() => boolean} check
 */

/** Shows the modal of an outcome, and submits it. @param {Outcome} outcome */
export function openModal(outcome) {
	const { modal, interaction_id: interaction } = outcome;
	if (!modal) return;
	/** @type {Field[]} */
	const fields = [];
	const shown = modal.components.map((row) => rowNode(row, fields));
	const problem = element("p.problem", { role: "alert" });
	const title = uniqueId("form");
	const submit = element("button.first", { type: "submit" }, "Submit");
	const form = element(
		"form",
		{ novalidate: true },
		element(
			"header",
			element("small", state.bot && nameOf(state.bot)),
			element("h2", { id: title }, modal.title),
		),
		element("div.rows", shown),
		problem,
		element(
			"footer",
			element("button.second", { onclick: () => dialog.close() }, "Cancel"),
			submit,
		),
	);
	const dialog = element("dialog.form", { "aria-labelledby": title }, form);
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		problem.replaceChildren();
		for (const field of fields) field.complain("");
		if (fields.filter((field) => !field.check()).length) {
			focusFirst(form, "[aria-invalid=true]");
			return;
		}
		submit.ariaBusy = "true";
		try {
			const values = Object.fromEntries(fields.map((field) => [field.name, field.value()]));
			const answer = await post("/modals/submit", { interaction, values });
			if (answer.kind === "failed") problem.replaceChildren("Something went wrong. Try again.");
			else dialog.close();
		} catch (error) {
			const why = errorText(error);
			const [, name, reason] = why.match(/^(\w+): (.+)$/s) ?? [];
			const field = fields.find((each) => each.name === name);
			if (field) field.complain(reason);
			else problem.replaceChildren(why);
		} finally {
			submit.ariaBusy = null;
		}
	});
	dialog.addEventListener("close", () => dialog.remove());
	document.body.append(dialog);
	dialog.showModal();
	focusFirst(form, "input, textarea, select");
}

/** @param {HTMLElement} box @param {string} selector */
function focusFirst(box, selector) {
	const node = box.querySelector(selector);
	if (node instanceof HTMLElement) node.focus();
}

function rowNode(row, fields) {
	if (row.type === TEXT_DISPLAY) return element("div.text", markdown(row.content));
	const part = row.type === ACTION_ROW ? row.components[0] : row.component;
	const label = row.type === LABEL ? row.label : part.label;
	return labelled(part, label, row.type === LABEL ? row.description : null, fields);
}

/** A field with its label and its error message. */
function labelled(part, label, description, fields) {
	const id = uniqueId("field");
	const required = part.required !== false;
	const control = controlNode(part, id, required);
	const problem = element("p.problem", { id: `${id}-problem` });
	control.setAttribute(
		"aria-describedby",
		[description && `${id}-hint`, `${id}-problem`].filter(Boolean).join(" "),
	);
	const complain = (text) => {
		problem.textContent = text;
		control.ariaInvalid = text ? "true" : null;
	};
	const check = () => {
		const valid = control.checkValidity();
		if (!valid) complain(control.validationMessage);
		return valid;
	};
	fields.push({ name: part.custom_id, value: () => readValue(part, control), complain, check });
	const words = [label, required && element("span.required", { "aria-hidden": "true" }, " *")];
	return element(
		"div.field",
		element("label", { for: id }, words),
		description && element("p.hint", { id: `${id}-hint` }, description),
		control,
		problem,
	);
}

function controlNode(part, id, required) {
	const common = { id, name: part.custom_id, required };
	if (part.type === TEXT_INPUT) {
		const limits = {
			minlength: part.min_length,
			maxlength: part.max_length ?? 4000,
			placeholder: part.placeholder,
			autocomplete: "off",
		};
		if (part.style === PARAGRAPH_STYLE)
			return element("textarea", { ...common, ...limits, rows: "3" }, part.value ?? "");
		return element("input", { ...common, ...limits, value: part.value ?? "" });
	}
	const several = (part.max_values ?? 1) > 1;
	const preset = (part.default_values ?? []).map((each) => String(each.id));
	const options = selectOptions(part).map((option) =>
		element(
			"option",
			{ value: option.value, selected: option.default || preset.includes(option.value) },
			option.label,
		),
	);
	return element(
		"select",
		{ ...common, multiple: several },
		!several && element("option", { value: "" }, part.placeholder ?? "Make a selection"),
		options,
	);
}

function readValue(part, control) {
	if (part.type === TEXT_INPUT) return control.value;
	return [...control.selectedOptions].map((option) => option.value).filter(Boolean);
}
