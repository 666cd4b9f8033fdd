// The parts of Discord's API that the page uses, and the page's own events.

type Snowflake = string;

interface User {
	id: Snowflake;
	username: string;
	global_name: string | null;
	bot: boolean;
}

interface Role {
	id: Snowflake;
	name: string;
	permissions: string;
}

interface GuildMember {
	user: User;
	roles: Snowflake[];
}

/** An attachment, or the image of an embed. */
interface Media {
	url: string;
	filename?: string;
	content_type?: string;
	description?: string;
	width?: number;
	height?: number;
}

interface Attachment extends Media {
	id: Snowflake;
	filename: string;
	size: number;
}

interface EmbedField {
	name: string;
	value: string;
	inline?: boolean;
}

interface Embed {
	title?: string;
	url?: string;
	description?: string;
	color?: number;
	timestamp?: string;
	author?: { name: string };
	footer?: { text: string };
	fields?: EmbedField[];
	image?: Media;
	thumbnail?: Media;
}

interface SelectOption {
	label: string;
	description?: string;
	value: string;
	default?: boolean;
}

interface Component {
	type: number;
	id?: number;
	custom_id?: string;
	style?: number;
	label?: string;
	description?: string;
	content?: string;
	url?: string;
	emoji?: { name?: string };
	disabled?: boolean;
	required?: boolean;
	placeholder?: string;
	value?: string;
	min_length?: number;
	max_length?: number;
	min_values?: number;
	max_values?: number;
	default_values?: { id: Snowflake }[];
	options?: SelectOption[];
	components?: Component[];
	component?: Component;
	accessory?: Component;
	accent_color?: number | null;
	divider?: boolean;
	items?: { media: Media; description: string | null; spoiler: boolean }[];
	file?: Media;
	name?: string;
	size?: number;
}

interface Reaction {
	emoji: { name: string };
	count: number;
	me: boolean;
}

interface ReactionEvent {
	channel_id: Snowflake;
	user_id: Snowflake;
	message_id: Snowflake;
	emoji: { name: string };
}

interface Poll {
	question: { text: string };
	answers: { answer_id: number; poll_media: { text: string } }[];
	expiry: string;
	allow_multiselect: boolean;
	results: {
		answer_counts: { id: number; count: number; me_voted: boolean }[];
		is_finalized: boolean;
	};
}

interface VoteEvent {
	channel_id: Snowflake;
	user_id: Snowflake;
	message_id: Snowflake;
	answer_id: number;
}

type Snapshot = Pick<
	Message,
	"content" | "edited_timestamp" | "attachments" | "embeds" | "components"
>;

interface Message {
	id: Snowflake;
	type: number;
	channel_id: Snowflake;
	author: User;
	content: string;
	timestamp: string;
	edited_timestamp: string | null;
	flags: number;
	attachments: Attachment[];
	embeds: Embed[];
	components: Component[];
	reactions?: Reaction[];
	poll?: Poll;
	interaction?: { name: string; user: User };
	interaction_metadata?: { interacted_message_id?: Snowflake; target_message_id?: Snowflake };
	message_reference?: { message_id: Snowflake };
	/** The forwarded message. */
	message_snapshots?: { message: Snapshot }[];
}

interface ChannelPayload {
	id: Snowflake;
	name?: string;
	guild_id?: Snowflake;
	parent_id?: Snowflake | null;
	topic?: string | null;
	nsfw?: boolean;
	/** The users of a direct-message channel or group chat. */
	recipients?: User[];
	permissions: string;
	messages: Message[];
}

interface Channel extends Omit<ChannelPayload, "messages"> {
	messages: Map<Snowflake, Message>;
}

interface Guild {
	id: Snowflake;
	name: string;
	owner_id: Snowflake;
	roles: Role[];
	members: GuildMember[];
	channels: ChannelPayload[];
}

interface ReadyPayload {
	user: User;
	bot: User;
	locale: string;
	accepts_direct_messages: boolean;
	installed: boolean;
	guilds: Guild[];
	direct: ChannelPayload[];
}

type OptionValue = string | number | boolean;

interface CommandOption {
	type: number;
	name: string;
	original_name?: string;
	description: string;
	required?: boolean;
	autocomplete?: boolean;
	min_value?: number;
	max_value?: number;
	min_length?: number;
	max_length?: number;
	choices?: { name: string; value: OptionValue }[];
	options?: CommandOption[];
}

/** A command or subcommand that can be run. */
interface Command {
	path: string;
	shown: string;
	description: string;
	options: CommandOption[];
}

interface RegisteredCommand {
	type: number;
	name: string;
	original_name?: string;
	description: string;
	options?: CommandOption[];
}

interface Outcome {
	kind: string;
	interaction_id: Snowflake;
	error?: string;
	message?: Message;
	modal?: { title: string; custom_id: string; components: Component[] };
	choices?: { name: string; value: OptionValue }[];
}

/** A line that Discord's client itself shows in a channel. */
interface Note {
	text: string;
	waiting: boolean;
	node?: HTMLElement;
}

interface DebugState {
	switched: number;
	connected: boolean;
	sessions_left: number;
	sessions_resumed: number;
	down: boolean;
	slow: boolean;
	refused: number;
	buckets: { name: string; limit: number; used: number }[];
	pending: PendingJob[];
}

interface PendingJob {
	message_id: Snowflake;
	channel_id: Snowflake;
	channel: string;
	title: string;
	status: string;
	footer: string;
}

interface RecordedRequest {
	name: string;
	path: string;
	status: number | null;
	moment: number;
	files: { name: string; size: number }[];
	sent: string;
	received: string;
}

interface MessageTarget {
	channel: Snowflake;
	message: Snowflake;
}

/** What `emit` sends and `on` receives, by event. */
interface Events {
	ready: undefined;
	channel: undefined;
	presence: undefined;
	reaction: { data: ReactionEvent; added: boolean };
	vote: { data: VoteEvent; added: boolean };
	unread: undefined;
	view: "channel" | "gallery";
	message: { name: string; id: Snowflake; channel: Snowflake };
	note: Note;
	"note-removed": Note;
	dismiss: Snowflake;
	jump: MessageTarget;
	command: { name: string; run: boolean };
	fault: DebugState;
}

type Child = Node | string | null | undefined | false;
type Children = Child | readonly Children[];
type Attributes = Record<string, unknown>;
