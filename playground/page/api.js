// The server: actions are POSTs, everything that happens comes back over one stream.

export class Refused extends Error {}

export async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Refused(`Сервер ответил ${response.status}`);
  return response.json();
}

export async function post(action, body, files = {}) {
  const chosen = Object.entries(files).filter(([, file]) => file);
  const request = { method: "POST", headers: { "X-Playground": "page" } }; // no other site's page can send it
  if (chosen.length) {
    request.body = new FormData();
    request.body.append("body", JSON.stringify(body));
    for (const [name, file] of chosen) request.body.append(name, file, file.name);
  } else {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`/api/${action}`, request);
  } catch {
    throw new Refused("Сервер не отвечает: он ещё запущен?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.error || `Сервер ответил ${response.status}`);
  return answer;
}

export function listen(onEvent, onState) {
  const stream = new EventSource("/api/events");
  stream.onopen = () => onState(true);
  stream.onerror = () => onState(false);
  stream.onmessage = (message) => onEvent(JSON.parse(message.data));
}
