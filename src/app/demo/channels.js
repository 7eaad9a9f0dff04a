// The demo page's channels: a chat between tabs, a counter that is pushed, a box that publishes.

// --- what arrives -------------------------------------------------------------------------------

/** Messages of channels that arrived, a bar for each second of the last minute. */
class Arrivals extends Figure {
  constructor(canvas) {
    super(canvas);
    this.seconds = new Map(); // second -> messages
    this.count = 0;
  }

  add() {
    const second = Math.floor(performance.now() / 1000);
    this.seconds.set(second, (this.seconds.get(second) ?? 0) + 1);
    this.count++;
  }

  draw() {
    if (!this.tones) return;
    const { c, width, height } = this.clear();
    const [left, base, now] = [44, height - 18, performance.now() / 1000];
    for (const second of this.seconds.keys()) if (second < now - 62) this.seconds.delete(second);
    this.top = Math.max(4, ...this.seconds.values()) * 1.1;
    const y = (messages) => base - (messages / this.top) * (base - 8);
    this.grid(c, { left, width, base, y, span: 60, label: (messages) => whole.format(messages), least: 1 });
    const each = (width - left) / 60;
    c.fillStyle = this.tones.tone;
    for (const [second, messages] of this.seconds) {
      const right = width - (now - second - 1) * each;
      const [from, to] = [Math.max(left, right - each + 1), Math.min(width, right)];
      if (to > from) c.fillRect(from, y(messages), to - from, base - y(messages));
    }
  }
}

const arrivals = new Arrivals($('arrivals-chart'));

// --- chat ---------------------------------------------------------------------------------------

const ANIMALS = ['avocet', 'curlew', 'dunlin', 'godwit', 'grebe', 'heron', 'knot', 'otter', 'plover', 'seal', 'shelduck', 'tern'];
const KEPT = 60; // lines shown

const chat = { socket: undefined, since: 0, tries: 0, who: new Set() };

function nameOfMine() {
  const drawn = `${ANIMALS[Math.floor(Math.random() * ANIMALS.length)]}-${Math.floor(Math.random() * 90 + 10)}`;
  const name = sessionStorage.getItem('name') ?? drawn;
  sessionStorage.setItem('name', name);
  return name;
}

/** Joins; after a break everything since the last message comes first. */
function join() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const name = encodeURIComponent($('chat-name').value);
  const socket = new WebSocket(`${scheme}://${location.host}/live/chat?since=${chat.since}&name=${name}`);
  chat.socket = socket;
  socket.onopen = () => {
    chat.tries = 0;
    whoIsThere();
  };
  socket.onmessage = ({ data }) => heard(JSON.parse(data));
  socket.onclose = () => {
    if (chat.socket !== socket) return;
    chat.who.clear();
    showWho();
    setTimeout(() => chat.socket === socket && join(), Math.min(5000, 500 * 2 ** chat.tries++));
  };
}

/** Those who were there before: from then on they say themselves when they come and go. */
async function whoIsThere() {
  const answer = await fetch('/publish/chat', { cache: 'no-store' }).catch(() => undefined);
  if (!answer?.ok) return;
  for (const name of (await answer.json()).who ?? []) chat.who.add(name);
  showWho();
}

function heard({ id, text, joined, left, gap }) {
  arrivals.add();
  if (id) chat.since = id;
  if (gap) return chat.since && say('', 'some messages are missing here');
  if (joined ?? left) {
    if (joined) chat.who.add(joined);
    else chat.who.delete(left);
    return showWho();
  }
  let said = {};
  try {
    said = Object(JSON.parse(text));
  } catch {
    // Somebody published plain text, which is as good.
  }
  say(String(said.from ?? 'from outside'), String(said.say ?? text ?? 'something binary'));
}

function say(from, text) {
  const item = document.createElement('li');
  const who = item.appendChild(document.createElement('b'));
  who.textContent = from;
  item.className = from ? (from === $('chat-name').value ? 'mine' : '') : 'aside';
  item.append(text);
  const log = $('chat-log');
  const below = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(item);
  while (log.children.length > KEPT) log.firstChild.remove();
  if (below) log.scrollTop = log.scrollHeight;
}

function showWho() {
  const item = (name) => Object.assign(document.createElement('li'), {
    textContent: name, className: name === $('chat-name').value ? 'mine' : '',
  });
  $('chat-who').replaceChildren(...[...chat.who].sort().map(item));
}

$('chat-name').value = nameOfMine();
$('chat-name').addEventListener('change', ({ target }) => {
  target.value = target.value.trim() || nameOfMine();
  sessionStorage.setItem('name', target.value);
  const before = chat.socket;
  chat.who.clear();
  join();
  before.close(1000);
});
$('chat-name').form.addEventListener('submit', (event) => {
  event.preventDefault();
  $('chat-name').blur();
});
$('chat-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = $('chat-text');
  if (!input.value || chat.socket?.readyState !== WebSocket.OPEN) return;
  chat.socket.send(JSON.stringify({ from: $('chat-name').value, say: input.value }));
  input.value = '';
});

// --- counter ------------------------------------------------------------------------------------

function count() {
  const source = new EventSource('/live/counter');
  source.onmessage = ({ data, lastEventId }) => {
    arrivals.add();
    $('counter').textContent = whole.format(Number(data));
    $('counter-id').textContent = lastEventId;
  };
  source.onopen = () => $('counter').classList.remove('down');
  source.onerror = () => $('counter').classList.add('down');
}

// --- publish ------------------------------------------------------------------------------------

const MANY = 500;

async function publish(body, type) {
  const start = performance.now();
  let text;
  try {
    const answer = await fetch('/publish/chat', { method: 'POST', headers: { 'Content-Type': type }, body });
    text = `${answer.status} in ${span(performance.now() - start)}\n${await answer.text()}`;
  } catch (error) {
    text = String(error);
  }
  $('publish-answer').textContent = text.trim();
}

$('publish-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = $('publish-text');
  publish(input.value || input.placeholder, 'text/plain');
});
$('publish-many').addEventListener('click', () => {
  const lines = Array.from({ length: MANY }, (_, n) => JSON.stringify({ text: `number ${n + 1} of ${MANY}` }));
  publish(lines.join('\n'), 'application/x-ndjson');
});

$('publish-curl').textContent = `curl -d 'hello from a terminal' ${location.origin}/publish/chat`;
$('counter-curl').textContent = `curl -N -H 'Accept: text/event-stream' ${location.origin}/live/counter`;

join();
count();
setInterval(() => {
  $('arrivals-count').textContent = whole.format(arrivals.count);
  if (!document.hidden) arrivals.draw();
}, calm.matches ? 1000 : 100);
