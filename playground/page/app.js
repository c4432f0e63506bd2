// The page: loads the state, follows the stream, and leads from chat to chat.
import { $, h, icon, toast } from "./dom.js";
import { listen } from "./api.js";
import * as composer from "./composer.js";
import * as feed from "./feed.js";
import * as head from "./head.js";
import * as panel from "./panel.js";
import * as sidebar from "./sidebar.js";
import { current, isMine, load, on, privateKey, store, tell } from "./store.js";

const TYPING_MS = 5000;

// --- Where one is ------------------------------------------------------------

async function go({ key, thread = null, post = null }, quietly = false) {
  if (!store.chats.has(key)) return;
  store.open = { key, thread, post };
  store.unread.delete(key);
  document.body.dataset.view = "chat";
  if (!quietly) history.replaceState(null, "", `#${[key, thread ?? "", post ?? ""].join("/").replace(/\/+$/, "")}`);
  tell("open");
  composer.focusInput(); // before anything is awaited: what is typed at once isn't lost
  await feed.openFeed();
  document.title = `${store.bot.first_name} · Playground`;
}

function whereFromAddress() {
  const [key, thread, post] = decodeURIComponent(location.hash.slice(1)).split("/");
  const chat = store.chats.get(key);
  if (!chat || (chat.type === "private" && chat.id !== store.me)) return null;
  return { key, thread: Number(thread) || null, post: post || null };
}

function become(id) {
  store.me = id;
  localStorage.setItem("me", String(id));
  tell("people");
  const chat = current();
  if (!chat || chat.type === "private") return go({ key: privateKey(id) });
  tell("chats");
  composer.draw();
  return feed.draw(true);
}

// --- What happens ------------------------------------------------------------

const EVENTS = {
  message(key, message) {
    const chat = store.chats.get(key);
    if (!message._for) chat.last = message;
    chat.last_id = message.message_id;
    store.messages.get(key)?.set(message.message_id, message);
    if (message._by === store.bot.id) store.typing.delete(key);
    if (key !== store.open?.key && !isMine(message) && (!message._for || message._for === store.me)) store.unread.set(key, (store.unread.get(key) || 0) + 1);
    tell("message", { key, message });
    tell("chats");
    if (current()?.linked === key) tell("comments");
  },
  edit(key, message) {
    const chat = store.chats.get(key);
    if (chat.last?.message_id === message.message_id) chat.last = message;
    store.messages.get(key)?.set(message.message_id, message);
    tell("edit", { key, message });
    tell("chats");
  },
  delete(key, { message_ids: ids }) {
    for (const id of ids) store.messages.get(key)?.delete(id);
    tell("delete", { key });
    if (current()?.linked === key) tell("comments");
  },
  draft(key, draft) {
    const chat = store.chats.get(key);
    const started = Boolean(chat.draft) !== Boolean(draft.draft_id);
    chat.draft = draft.draft_id ? draft : null;
    if (started) store.typing.delete(key);
    tell("draft", key);
    if (started) tell("chats");
  },
  typing(key) {
    clearTimeout(store.typing.get(key));
    store.typing.set(key, setTimeout(() => { store.typing.delete(key); tell("typing"); }, TYPING_MS));
    tell("typing");
  },
  chat(key, chat) {
    store.chats.set(key, chat);
    tell("chats");
  },
};

async function onEvent({ event, chat, body, trouble }) {
  if (event === "call") {
    store.calls.push(body);
    if (store.calls.length > 200) store.calls.shift();
    const changed = JSON.stringify(trouble) !== JSON.stringify(store.trouble);
    store.trouble = trouble;
    tell("call", body);
    if (changed) tell("trouble");
  } else if (event === "reload" || !store.chats.has(chat)) {
    await reload();
  } else {
    EVENTS[event](chat, body);
  }
}

async function reload() {
  const open = store.open;
  await load();
  tell("people");
  tell("chats");
  panel.draw();
  if (open && store.chats.has(open.key)) await go(open, true);
}

function onState(connected) {
  document.querySelector(".offline")?.remove();
  if (!connected) {
    document.querySelector(".feed-wrap").append(h("div", { class: "offline" }, "Нет связи с сервером, пробую снова"));
  } else if (onState.lost) {
    reload().catch((error) => toast(error.message, "error"));
  }
  onState.lost = !connected;
}

// --- Light and dark ----------------------------------------------------------

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").replaceChildren(icon(theme === "dark" ? "sun" : "moon"));
}

function setUpTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => localStorage.getItem("theme") || (system.matches ? "dark" : "light");
  setTheme(wanted());
  system.addEventListener("change", () => setTheme(wanted()));
  $("theme").onclick = () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", theme);
    setTheme(theme);
  };
}

async function start() {
  setUpTheme();
  await load();
  for (const part of [sidebar, head, feed, composer, panel]) part.setUp();
  on("go", go);
  on("become", become);
  on("list", () => { document.body.dataset.view = "list"; });
  tell("people");
  tell("chats");
  listen(onEvent, onState);
  const narrow = matchMedia("(max-width: 760px)").matches;
  const where = whereFromAddress();
  await go(where || { key: privateKey(store.me) }, true);
  if (narrow && !where) document.body.dataset.view = "list";
  document.body.dataset.ready = "yes";
}

start().catch((error) => toast(`Страница не загрузилась: ${error.message}`, "error"));
