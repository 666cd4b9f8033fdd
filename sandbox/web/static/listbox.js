// A list of suggestions for a text field: arrows choose, Enter and Tab take, Escape closes.

import { el, freshId } from "./dom.js";

export class Listbox {
  /** `take(item)` is called with what was chosen; `draw(item)` gives the nodes of an entry. */
  constructor(input, label, draw, take) {
    this.input = input;
    this.draw = draw;
    this.take = take;
    this.items = [];
    this.at = -1;
    this.node = el("ul", { class: "listbox", role: "listbox", id: freshId("list"), "aria-label": label, tabindex: "0", hidden: true });
    this.node.addEventListener("mousedown", (event) => event.preventDefault()); // the field stays focused
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", this.node.id);
    input.setAttribute("aria-haspopup", "listbox");
    this.combobox = input.getAttribute("role") === "combobox";
    if (this.combobox) input.setAttribute("aria-expanded", "false");
    input.addEventListener("blur", () => this.close());
  }

  get open() {
    return !this.node.hidden;
  }

  show(items, at = 0) {
    this.items = items;
    this.node.replaceChildren(...items.map((item, index) => this.entry(item, index)));
    this.node.hidden = items.length === 0;
    if (this.combobox) this.input.setAttribute("aria-expanded", String(this.open));
    this.point(items.length ? at : -1);
  }

  close() {
    this.show([]);
  }

  entry(item, index) {
    const node = el("li", { role: "option", id: `${this.node.id}-${index}`, "aria-selected": "false" }, this.draw(item));
    node.addEventListener("pointermove", () => this.at !== index && this.point(index, false));
    node.addEventListener("click", () => this.choose(index));
    return node;
  }

  point(index, scroll = true) {
    this.node.children[this.at]?.setAttribute("aria-selected", "false");
    this.at = index;
    const node = this.node.children[index];
    if (!node) return this.input.removeAttribute("aria-activedescendant");
    node.setAttribute("aria-selected", "true");
    this.input.setAttribute("aria-activedescendant", node.id);
    if (scroll) node.scrollIntoView({ block: "nearest" });
  }

  choose(index) {
    const item = this.items[index];
    this.close();
    this.take(item);
  }

  /** Whether the list has taken this key. */
  key(event) {
    if (!this.open || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const length = this.items.length;
    if (step) this.point(this.at < 0 ? (step > 0 ? 0 : length - 1) : (this.at + step + length) % length);
    else if (event.key === "Escape") this.close();
    else if ((event.key === "Enter" || event.key === "Tab") && this.at >= 0 && !event.shiftKey) this.choose(this.at);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}
