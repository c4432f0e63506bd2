// What the page knows, and who is told when it changes.
import { get } from "./api.js";
import { summary } from "./rich.js";

export const store = {
  bot: null,
  me: Number(localStorage.getItem("me")) || 0, // who writes
  users: new Map(),
  people: [],
  chats: new Map(),
  messages: new Map(), // chat key -> Map of message id -> message
  open: null, // { key, thread, post }: the chat, its topic, or the comments of a post
  unread: new Map(),
  typing: new Map(), // chat key -> until when
  calls: [],
  trouble: {},
};

const watchers = {};
export const on = (topic, act) => (watchers[topic] ??= []).push(act);
export const tell = (topic, detail) => (watchers[topic] || []).forEach((act) => act(detail));

export async function load() {
  const state = await get("/api/state");
  store.bot = state.bot;
  store.people = state.people;
  store.users = new Map(state.users.map((user) => [user.id, user]));
  store.chats = new Map(state.chats.map((chat) => [chat.key, chat]));
  store.calls = state.calls;
  store.trouble = state.trouble;
  store.messages.clear();
  if (!store.people.some((person) => person.id === store.me)) store.me = store.people[0].id;
}

export async function messagesOf(key) {
  if (!store.messages.has(key)) {
    const list = await get(`/api/messages?chat=${encodeURIComponent(key)}`);
    store.messages.set(key, new Map(list.map((message) => [message.message_id, message])));
  }
  return store.messages.get(key);
}

export const current = () => store.chats.get(store.open?.key);
export const person = (id) => store.users.get(id);
export const myRole = (chat) => new Map(chat.members).get(store.me) || "left";
export const isAdmin = (chat) => ["creator", "administrator"].includes(myRole(chat));
export const hasBot = (chat) => !["left", "kicked"].includes(new Map(chat.members).get(store.bot.id) || "left");
export const isMine = (message) => message._by === store.me;
export const privateKey = (id) => `${id}:${store.bot.id}`;

export function chatTitle(chat) {
  return chat.type === "private" ? store.bot.first_name : chat.title;
}

export function visibleChats() {
  const all = [...store.chats.values()];
  const own = all.filter((chat) => chat.type !== "private" || chat.id === store.me);
  return own.sort((a, b) => (b.type === "private") - (a.type === "private"));
}

// Whether a message belongs to what is open: a topic, the comments of a post, or everything.
export function isShown(message, open = store.open) {
  if (message._for && message._for !== store.me) return false;
  if (open.thread === undefined || open.thread === null) return true;
  return message.message_id === open.thread || message.message_thread_id === open.thread;
}

export function author(message) {
  if (message.sender_chat) return { id: message.sender_chat.id, name: message.sender_chat.title };
  const user = message.from || { id: 0, first_name: "?" };
  return { id: user.id, name: user.first_name };
}

export function preview(message) {
  if (!message) return "";
  const text = message.text || message.caption || (message.rich_message && summary(message.rich_message));
  if (message.photo) return `🖼 ${text || "Фотография"}`;
  if (message.document) return `📎 ${message.document.file_name}`;
  if (message.voice) return `🎤 ${text || "Голосовое сообщение"}`;
  if (message.audio) return `🎵 ${text || message.audio.file_name}`;
  if (message.video_note) return "📹 Видеосообщение";
  if (message.venue || message.location) return "📍 Место";
  if (message.forum_topic_created) return `Тема «${message.forum_topic_created.name}»`;
  return text || "Сообщение";
}

export const clock = (seconds) =>
  new Date(seconds * 1000).toLocaleTimeString("ru", { hour: "2-digit", minute: "2-digit" });

export function day(seconds) {
  const date = new Date(seconds * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 864e5);
  if (days === 0) return "Сегодня";
  if (days === 1) return "Вчера";
  return date.toLocaleDateString("ru", { day: "numeric", month: "long" });
}

export function plural(count, one, few, many) {
  const tail = Math.abs(count) % 100;
  if (tail > 10 && tail < 20) return `${count} ${many}`;
  return `${count} ${[many, one, few, few, few][tail % 10] || many}`;
}
