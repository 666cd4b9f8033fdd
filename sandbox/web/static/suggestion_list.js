// Suggestions for a text field: arrows move, Enter and Tab choose, Escape closes.

import { element, uniqueId } from "./dom.js";

export class SuggestionList {
	/**
	 * @param {HTMLInputElement | HTMLTextAreaElement} input
	 * @param {string} label
	 * @param {(item: any) => Children} draw the content of an entry
	 * @param {(item: any) => void} choose called with the item that was chosen
	 */
	constructor(input, label, draw, choose) {
		this.input = input;
		this.draw = draw;
		this.onChoose = choose;
		/** @type {any[]} */
		this.items = [];
		this.selected = -1;
		this.node = element("ul.listbox", {
			role: "listbox",
			id: uniqueId("list"),
			"aria-label": label,
			tabindex: "0",
			hidden: true,
		});
		// The field keeps the focus.
		this.node.addEventListener("mousedown", (event) => event.preventDefault());
		input.ariaAutoComplete = "list";
		input.setAttribute("aria-controls", this.node.id);
		input.ariaHasPopup = "listbox";
		this.combobox = input.getAttribute("role") === "combobox";
		if (this.combobox) input.ariaExpanded = "false";
		input.addEventListener("blur", () => this.close());
	}

	get open() {
		return !this.node.hidden;
	}

	/** @param {any[]} items */
	show(items, selected = 0) {
		this.items = items;
		this.node.replaceChildren(...items.map((item, index) => this.entry(item, index)));
		this.node.hidden = items.length === 0;
		if (this.combobox) this.input.ariaExpanded = String(this.open);
		this.select(items.length ? selected : -1);
	}

	close() {
		this.show([]);
	}

	entry(item, index) {
		const node = element(
			"li",
			{ role: "option", id: `${this.node.id}-${index}`, "aria-selected": "false" },
			this.draw(item),
		);
		node.addEventListener("pointermove", () => {
			if (this.selected !== index) this.select(index, false);
		});
		node.addEventListener("click", () => this.choose(index));
		return node;
	}

	select(index, scroll = true) {
		this.node.children[this.selected]?.setAttribute("aria-selected", "false");
		this.selected = index;
		const node = this.node.children[index];
		if (!node) {
			this.input.removeAttribute("aria-activedescendant");
			return;
		}
		node.ariaSelected = "true";
		this.input.setAttribute("aria-activedescendant", node.id);
		if (scroll) node.scrollIntoView({ block: "nearest" });
	}

	choose(index) {
		const item = this.items[index];
		this.close();
		this.onChoose(item);
	}

	/** Handles a key. Returns whether the list used it. @param {KeyboardEvent} event */
	key(event) {
		if (!this.open || event.isComposing) return false;
		const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
		const length = this.items.length;
		const first = step > 0 ? 0 : length - 1;
		if (step) this.select(this.selected < 0 ? first : (this.selected + step + length) % length);
		else if (event.key === "Escape") this.close();
		else if (
			(event.key === "Enter" || event.key === "Tab") &&
			this.selected >= 0 &&
			!event.shiftKey
		)
			this.choose(this.selected);
		else return false;
		event.preventDefault();
		event.stopPropagation();
		return true;
	}
}
