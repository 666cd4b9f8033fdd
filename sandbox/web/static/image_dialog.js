// Shows an image over everything else. Loaded when the first image is opened.

import { element, loadStyles } from "./dom.js";

await loadStyles("image_dialog");

/** @param {Media} media @param {string} alt */
export function openImage(media, alt) {
	const dialog = element(
		"dialog.large",
		{ "aria-label": alt },
		element("img", { src: media.url, alt, width: media.width, height: media.height }),
		element(
			"p",
			element("span.caption", alt),
			element(
				"a",
				{ href: media.url, target: "_blank", rel: "noopener noreferrer" },
				"Open the file",
			),
			element("button.second", { onclick: () => dialog.close() }, "Close"),
		),
	);
	dialog.addEventListener("click", (event) => {
		if (event.target === dialog) dialog.close();
	});
	dialog.addEventListener("close", () => dialog.remove());
	document.body.append(dialog);
	dialog.showModal();
}
