// Polls, and the messages with their results. Loaded with the first one.

import { errorText, post } from "./api.js";
import { element, loadStyles, nameOf, uniqueId } from "./dom.js";
import { patch } from "./embeds.js";
import { addNote } from "./notes.js";
import { emit, getChannel, state } from "./state.js";
import { timeNode } from "./times.js";

await loadStyles("poll");

/** Applies a vote event to its poll. @param {VoteEvent} data @param {boolean} added */
export function applyVote(data, added) {
	const channel = getChannel(data.channel_id);
	const message = channel?.messages.get(data.message_id);
	if (!channel || !message?.poll) return;
	const { poll } = message;
	const old = countOf(poll, data.answer_id);
	const me_voted = data.user_id === state.me ? added : old.me_voted;
	const now = { ...old, count: old.count + (added ? 1 : -1), me_voted };
	const others = poll.results.answer_counts.filter((each) => each.id !== data.answer_id);
	const results = { ...poll.results, answer_counts: [...others, now] };
	channel.messages.set(message.id, { ...message, poll: { ...poll, results } });
	emit("message", { name: "MESSAGE_UPDATE", id: message.id, channel: channel.id });
}

/** Shows a poll or a result in its box; the focus stays on its answer. @param {Element} box @param {Message} message */
export function drawPoll(box, message) {
	const focused = box.contains(document.activeElement) ? document.activeElement : null;
	const answer = focused instanceof HTMLElement ? focused.dataset.answer : undefined;
	const { poll } = message;
	patch(box, [poll, message.embeds, state.locale], () =>
		poll ? pollNodes(message, poll) : resultNodes(message),
	);
	const again = /** @type {HTMLElement | null} */ (
		answer ? box.querySelector(`[data-answer="${answer}"]`) : null
	);
	again?.focus({ preventScroll: true });
}

/** @param {Message} message @param {Poll} poll */
function pollNodes(message, poll) {
	const question = uniqueId("poll");
	const counts = poll.answers.map(({ answer_id }) => countOf(poll, answer_id));
	const total = counts.reduce((sum, { count }) => sum + count, 0);
	const most = Math.max(...counts.map(({ count }) => count));
	const ended = poll.results.is_finalized;
	const answers = poll.answers.map(({ poll_media }, index) => {
		const { id, count, me_voted } = counts[index];
		const won = ended && count > 0 && count === most;
		const button = element(
			me_voted ? "button.first" : "button.second",
			{
				"data-answer": id,
				"aria-pressed": String(me_voted),
				"aria-disabled": ended && "true",
				onclick: () => !ended && choose(message, poll, id, !me_voted),
			},
			element("span", won && "🏆 ", poll_media.text),
			element("span", votes(count)),
		);
		return element("li", button);
	});
	const when = ended ? ["closed"] : ["ends ", timeNode(Date.parse(poll.expiry) / 1000, "R")];
	return [
		element(
			"div.poll",
			{ role: "group", "aria-labelledby": question },
			element("p", { id: question }, element("b", poll.question.text)),
			element("ul", answers),
			element("small", votes(total), " · ", when),
		),
	];
}

/** @param {Message} message */
function resultNodes(message) {
	const pairs = (message.embeds[0]?.fields ?? []).map(({ name, value }) => [name, value]);
	const fields = Object.fromEntries(pairs);
	const winner = fields.victor_answer_text;
	return [
		element(
			"p",
			`${nameOf(message.author)}’s poll `,
			element("b", fields.poll_question_text),
			" has closed. ",
			winner
				? `The winner is “${winner}”, with ${fields.victor_answer_votes} of ${votes(fields.total_votes)}.`
				: `${votes(fields.total_votes)}, and no winner.`,
		),
	];
}

/** @param {Poll} poll @param {number} id */
function countOf(poll, id) {
	const found = poll.results.answer_counts.find((each) => each.id === id);
	return found ?? { id, count: 0, me_voted: false };
}

/** @param {number | string} count */
function votes(count) {
	return `${count} ${Number(count) === 1 ? "vote" : "votes"}`;
}

/** @param {Message} message @param {Poll} poll @param {number} id @param {boolean} chosen */
async function choose(message, poll, id, chosen) {
	const before = poll.results.answer_counts.filter((each) => each.me_voted && each.id !== id);
	const others = poll.allow_multiselect ? before.map((each) => each.id) : [];
	const answers = chosen ? [...others, id] : others;
	try {
		await post(`/channels/${message.channel_id}/votes`, {
			member: state.me,
			message: message.id,
			answers,
		});
	} catch (error) {
		addNote(errorText(error));
	}
}
