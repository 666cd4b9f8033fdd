// A modal that the bot opens. Loaded when the first one opens.

import { errorText, post, upload } from "./api.js";
import { element, loadStyles, nameOf, uniqueId } from "./dom.js";
import { markdown } from "./markdown.js";
import { selectOptions } from "./select_options.js";
import { state } from "./state.js";

await loadStyles("modal");

const ACTION_ROW = 1;
const TEXT_INPUT = 4;
const TEXT_DISPLAY = 10;
const LABEL = 18;
const FILE_UPLOAD = 19;
const RADIO_GROUP = 21;
const CHECKBOX_GROUP = 22;
const CHECKBOX = 23;
const PARAGRAPH_STYLE = 2;

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {() => Promise<string | string[] | boolean>} value
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
			/** @type {Record<string, string | string[] | boolean>} */
			const values = {};
			for (const field of fields) values[field.name] = await field.value();
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
		const inputs = control.role ? [...control.querySelectorAll("input")] : [control];
		const wrong = inputs.find((input) => !input.checkValidity());
		if (wrong) complain(wrong.validationMessage);
		return !wrong;
	};
	fields.push({ name: part.custom_id, value: () => readValue(part, control), complain, check });
	const words = [label, required && element("span.required", { "aria-hidden": "true" }, " *")];
	const isGroup = control.role !== null;
	if (isGroup) control.setAttribute("aria-labelledby", `${id}-label`);
	return element(
		"div.field",
		element(isGroup ? "b" : "label", { id: `${id}-label`, for: isGroup ? null : id }, words),
		description && element("p.hint", { id: `${id}-hint` }, description),
		control,
		problem,
	);
}

/** @returns {any} */
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
	if (part.type === FILE_UPLOAD)
		return element("input", { ...common, type: "file", multiple: (part.max_values ?? 1) > 1 });
	if (part.type === CHECKBOX)
		return element("input", { id, type: "checkbox", checked: part.default });
	if (part.type === RADIO_GROUP || part.type === CHECKBOX_GROUP) return choices(part, id, required);
	const several = (part.max_values ?? 1) > 1;
	const preset = (part.default_values ?? []).map((each) => String(each.id));
	const options = selectOptions(part).map((option) =>
		element(
			"option",
			{ value: option.value, selected: option.default || preset.includes(option.value) },
			described(option),
		),
	);
	return element(
		"select",
		{ ...common, multiple: several },
		!several && element("option", { value: "" }, part.placeholder ?? "Make a selection"),
		options,
	);
}

/** The options of a group, each with a button of its own. */
function choices(part, id, required) {
	const single = part.type === RADIO_GROUP;
	const options = part.options.map((option) =>
		element(
			"label",
			element("input", {
				type: single ? "radio" : "checkbox",
				name: part.custom_id,
				value: option.value,
				checked: option.default,
				required: single && required,
			}),
			` ${described(option)}`,
		),
	);
	return element("div", { id, role: single ? "radiogroup" : "group" }, options);
}

/** @param {SelectOption} option */
function described(option) {
	return option.description ? `${option.label} – ${option.description}` : option.label;
}

async function readValue(part, control) {
	if (part.type === TEXT_INPUT) return control.value;
	if (part.type === CHECKBOX) return control.checked;
	if (part.type === FILE_UPLOAD) {
		const ids = [];
		for (const file of control.files) ids.push((await upload(file)).id);
		return ids;
	}
	if (control.role)
		return [...control.querySelectorAll("input:checked")].map((input) => input.value);
	return [...control.selectedOptions].map((option) => option.value).filter(Boolean);
}
