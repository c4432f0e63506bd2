// Who writes, and where to.
import { $, asked, avatar, h, icon, toast } from "./dom.js";
import { post } from "./api.js";
import { author, chatTitle, clock, on, preview, store, tell, visibleChats } from "./store.js";

export function setUp() {
  on("people", drawPeople);
  on("chats", drawChats);
  on("open", drawChats);
  on("typing", drawChats);
  addEventListener("keydown", (event) => {
    if (!event.altKey || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    const keys = visibleChats().map((chat) => chat.key);
    const step = event.key === "ArrowDown" ? 1 : -1;
    tell("go", { key: keys[(keys.indexOf(store.open?.key) + step + keys.length) % keys.length] });
  });
}

function drawPeople() {
  const choices = store.people.map((person) =>
    h("button", {
      class: "person", role: "radio", "aria-checked": String(person.id === store.me),
      tabindex: person.id === store.me ? "0" : "-1", title: `Писать как ${person.first_name}`,
      onclick: () => tell("become", person.id),
    }, avatar(person.id, person.first_name), h("span", {}, person.first_name)));
  const add = h("button", { class: "person add", "aria-label": "Добавить человека", title: "Добавить человека", onclick: addPerson },
    h("span", { class: "avatar" }, icon("plus")), h("span", {}, "Ещё"));
  $("people").replaceChildren(...choices, add);
  $("people").onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const ids = store.people.map((person) => person.id);
    tell("become", ids[(ids.indexOf(store.me) + step + ids.length) % ids.length]);
    $("people").querySelector('[aria-checked="true"]').focus();
  };
}

async function addPerson() {
  const name = await asked("Новый человек", "Имя");
  if (!name) return;
  try {
    const person = await post("people", { name });
    tell("become", person.id);
  } catch (error) {
    toast(error.message, "error");
  }
}

const KINDS = { channel: "канал" };

function drawChats() {
  $("chats").replaceChildren(...visibleChats().map(chatButton));
}

function chatButton(chat) {
  const unread = store.unread.get(chat.key);
  const title = chatTitle(chat);
  return h("button", {
    class: "chat", "aria-current": String(chat.key === store.open?.key),
    onclick: () => tell("go", { key: chat.key }), dataset: { chat: chat.key },
  },
    avatar(chat.type === "private" ? store.bot.id : chat.id, title),
    h("span", {},
      h("span", { class: "chat-line" },
        h("span", { class: "chat-title" }, h("span", {}, title), tag(chat)),
        chat.last && h("time", {}, clock(chat.last.date))),
      h("span", { class: "chat-line" }, chatPreview(chat),
        unread > 0 && h("span", { class: "unread", "aria-label": `непрочитанных: ${unread}` }, String(unread)))));
}

function tag(chat) {
  const text = chat.type === "private" ? "бот" : chat.is_forum ? "темы" : KINDS[chat.type];
  return text && h("span", { class: "tag" }, text);
}

function chatPreview(chat) {
  if (store.typing.has(chat.key)) return h("span", { class: "chat-preview live dots" }, "печатает");
  if (chat.draft) return h("span", { class: "chat-preview live" }, chat.draft.text || "Думаю…");
  if (!chat.last) return h("span", { class: "chat-preview" }, chat.type === "private" ? "Нажми, чтобы начать" : "Пока пусто");
  const from = author(chat.last);
  const named = !chat.last.forum_topic_created && chat.type !== "channel" && (chat.type !== "private" || chat.last._by === store.me);
  const name = chat.last._by === store.me ? "Ты" : from.name;
  return h("span", { class: "chat-preview" }, named && h("b", {}, `${name}: `), preview(chat.last));
}
