// The bar over the messages: where one is, who is there, and the topics of a forum.
import { $, asked, avatar, dialog, h, icon, toast } from "./dom.js";
import { post } from "./api.js";
import { act, goTo } from "./feed.js";
import { chatTitle, current, hasBot, isAdmin, on, person, plural, preview, store, tell } from "./store.js";

export function setUp() {
  for (const topic of ["open", "chats", "typing"]) on(topic, draw);
}

const panelIsOpen = () => !$("panel").hidden;

export function draw() {
  const chat = current();
  if (!chat) return;
  const comments = store.open.post;
  const title = comments ? "Комментарии" : chatTitle(chat);
  $("head").replaceChildren(
    h("button", { class: comments ? "icon back always" : "icon back", title: "Назад", onclick: () => (comments ? tell("go", { key: comments }) : tell("list")) }, icon("back")),
    h("button", { class: "who", title: "О чате", onclick: () => aboutChat(chat) },
      avatar(chat.type === "private" ? store.bot.id : chat.id, chatTitle(chat), "small"),
      h("span", { class: "names" }, h("div", { class: "title" }, title), status(chat))),
    h("button", { class: "icon", id: "panel-toggle", title: "Вызовы Bot API", "aria-pressed": String(panelIsOpen()), onclick: () => tell("panel") }, icon("pulse")));
  drawTopics(chat);
}

function status(chat) {
  if (store.typing.has(chat.key) || chat.draft) return h("div", { class: "status live dots" }, "печатает");
  if (store.open.post) return h("div", { class: "status" }, chat.title);
  if (!hasBot(chat)) return h("div", { class: "status" }, chat.type === "private" ? "заблокирован" : "бота здесь нет");
  if (chat.type === "private") return h("div", { class: "status" }, `бот, @${store.bot.username}`);
  const count = chat.members.filter(([, role]) => !["left", "kicked"].includes(role)).length;
  const counted = chat.type === "channel" ? plural(count, "подписчик", "подписчика", "подписчиков") : plural(count, "участник", "участника", "участников");
  return h("div", { class: "status" }, counted);
}

function drawTopics(chat) {
  const bar = $("topics");
  bar.hidden = !chat.is_forum && !chat.pinned;
  if (chat.is_forum) {
    const tab = (id, name) => h("button", {
      class: "topic", role: "tab", "aria-selected": String((store.open.thread ?? null) === id),
      onclick: () => tell("go", { key: chat.key, thread: id }),
    }, name);
    bar.replaceChildren(tab(null, "Все"), ...chat.topics.map((topic) => tab(topic.id, topic.name)),
      h("button", { class: "topic", title: "Новая тема", onclick: addTopic }, icon("plus")));
  } else if (chat.pinned) {
    bar.replaceChildren(h("button", { class: "quote", onclick: () => goTo(chat.pinned.message_id) },
      h("b", {}, "Закреплено"), h("span", {}, preview(chat.pinned))));
  }
}

async function addTopic() {
  const own = current().type === "private"; // Telegram asks for no name there: the bot finds one
  const name = own ? "" : await asked("Новая тема", "Название");
  if (!name && !own) return;
  const topic = await act("topic", { name });
  if (topic) tell("go", { key: store.open.key, thread: topic.id });
}

// --- Members and roles -------------------------------------------------------

const ROLES = { creator: "владелец", administrator: "админ", member: "участник", left: "не в чате", kicked: "удалён" };

function aboutChat(chat) {
  const inside = h("div", { class: "inside" }, h("h2", {}, chatTitle(chat)));
  if (chat.type === "private") inside.append(...aboutBot(chat));
  else inside.append(...chat.members.filter(([id]) => person(id)).map(([id, role]) => member(chat, id, role)));
  if (chat.type === "channel" || chat.linked) {
    const linked = store.chats.get(chat.linked);
    inside.append(h("p", { class: "muted" }, chat.type === "channel" ? `Обсуждение: «${linked?.title}»` : `Обсуждение канала «${linked?.title}»`));
  }
  inside.append(h("div", { class: "actions" }, h("button", { class: "pill primary", onclick: (e) => e.target.closest("dialog").close() }, "Закрыть")));
  dialog(inside);
}

function aboutBot(chat) {
  const blocked = !hasBot(chat);
  const toggle = async (event) => {
    event.target.closest("dialog").close();
    await act("member", { user: store.bot.id, status: blocked ? "member" : "kicked" });
  };
  return [
    h("p", { class: "muted" }, `@${store.bot.username}\nchat_id: ${chat.id}`),
    h("div", {}, h("button", { class: blocked ? "pill" : "pill danger", onclick: toggle }, blocked ? "Разблокировать бота" : "Заблокировать бота")),
  ];
}

function member(chat, id, role) {
  const user = person(id);
  const editable = isAdmin(chat) && role !== "creator";
  const choice = h("select", {
    "aria-label": `Роль: ${user.first_name}`,
    onchange: async (event) => {
      try { await post("member", { chat: chat.key, person: store.me, user: id, status: event.target.value }); }
      catch (error) { toast(error.message, "error"); event.target.value = role; }
    },
  }, ["administrator", "member", "left", "kicked"].map((value) => h("option", { value, selected: value === role }, ROLES[value])));
  return h("div", { class: "member" }, avatar(id, user.first_name, "small"),
    h("div", {}, user.first_name, h("small", {}, user.username ? `@${user.username}` : user.is_bot ? "бот" : `id ${id}`)),
    editable ? choice : h("small", { class: "muted" }, ROLES[role]));
}
