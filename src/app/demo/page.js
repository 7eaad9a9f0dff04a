// The demo page: asks, echoes and dials, and keeps the instruments up to date.

const load = { pace: 10, size: 32, paused: false };

// --- HTTP ---------------------------------------------------------------------------------------

const http = new Trips('http');

async function request() {
  const start = performance.now();
  try {
    const pad = load.size > 32 ? `?pad=${load.size}` : '';
    const answer = await fetch(`/api/hello${pad}`, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(answer.statusText);
    const hello = await answer.json();
    http.add(performance.now() - start);
    latest = hello;
  } catch {
    http.bad++;
    await sleep(400);
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function askForEver() {
  for (;;) {
    const due = performance.now() + (load.pace ? 1000 / load.pace : 0);
    if (!load.paused && !document.hidden) await request();
    const rest = due - performance.now();
    if (rest > 1 || load.paused || document.hidden) await sleep(Math.max(rest, 50 * load.paused));
  }
}

// --- what the worker says of itself -------------------------------------------------------------

let latest;
let shown;

function showWorker() {
  if (!latest || latest === shown) return;
  shown = latest;
  const { worker, request } = latest;
  const field = (name) => request.fields.find(([key]) => key.toLowerCase() === name)?.[1];
  const through = field('x-forwarded-for');
  $('client-address').textContent = through ?? worker.peer;
  $('gate-address').textContent = through ? location.host : 'not on the way';
  $('worker-address').textContent = worker.address;
  document.querySelector('.gate').classList.toggle('absent', !through);
  $('ini').textContent = `[tidegate]\nhttp = ${location.host}\n` +
    'route = ^/live/chat$ channel:chat,ids=yes,who=${qs[name]},events=yes,public=yes\n' +
    'route = ^/live/counter$ channel:counter,mode=subscribe\n' +
    `route = ^/publish/chat$ publish:chat,public=yes\ndefault = http:${worker.address}`;
  if (through && !direct.socket) dialDirect(worker.address);
  $('worker-requests').textContent = whole.format(worker.requests);
  $('worker-messages').textContent = whole.format(worker.messages);
  $('worker-age').textContent = age(worker.uptime_ms);

  const seen = $('seen');
  if (seen.contains(document.activeElement) || getSelection()?.containsNode?.(seen, true)) return;
  seen.replaceChildren(`${request.line}\n`);
  for (const [name, value] of request.fields) {
    const line = document.createElement(name.toLowerCase().startsWith('x-forwarded-') ? 'mark' : 'span');
    const key = line.appendChild(document.createElement('i'));
    key.textContent = `${name}: `;
    line.append(value);
    seen.append(line, '\n');
  }
}

// --- WebSocket ----------------------------------------------------------------------------------

const ws = new Trips('ws');
const line = { socket: undefined, pending: [], opened: 0, opens: 0, tries: 0, moved: 0, wanted: true };
const texts = new Map();

function tickText() {
  let text = texts.get(load.size);
  if (!text) texts.set(load.size, (text = 'tide '.repeat(Math.ceil(load.size / 5)).slice(0, load.size - 9)));
  return String(ws.count % 1e9).padStart(9, '0') + text;
}

function state(name, text, wait = '') {
  $('state').dataset.state = name;
  if ($('state-text').textContent !== text) $('state-text').textContent = text;
  $('state-wait').textContent = wait;
  $('track-ws').classList.toggle('down', name !== 'open');
  for (const id of ['burst', 'echo-send', 'drop']) $(id).disabled = name !== 'open';
}

function dial() {
  state('connecting', line.opens ? 'Connecting again' : 'Connecting');
  const start = performance.now();
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const socket = new WebSocket(`${scheme}://${location.host}/ws/echo`);
  line.socket = socket;
  socket.onopen = () => {
    line.opened = performance.now();
    line.opens++;
    line.tries = 0;
    $('ws-opened').textContent = span(line.opened - start);
    state('open', 'Connected');
    send('tick', tickText());
  };
  socket.onmessage = ({ data }) => received(data);
  socket.onclose = ({ code }) => closed(code);
}

/** Sends one message; its echo is the next that comes without another before it. */
function send(kind, text, item) {
  if (line.socket?.readyState !== WebSocket.OPEN) return false;
  line.pending.push({ kind, text, item, at: performance.now() });
  line.socket.send(text);
  return true;
}

function received(data) {
  const now = performance.now();
  const sent = line.pending.shift();
  if (!sent) return;
  const same = data === sent.text;
  if (!same) ws.bad++;
  line.moved += 2 * data.length;
  const ms = now - sent.at;
  if (sent.kind === 'burst') {
    ws.count++;
    ws.track.pulse();
    sent.item.left--;
    if (!sent.item.left) burstDone(sent.item, now);
    return;
  }
  ws.add(ms);
  if (sent.kind === 'tick') setTimeout(tickDirect, 10);
  if (sent.kind === 'echo') echoDone(sent.item, same ? span(ms) : 'altered', same ? '' : 'lost');
  else if (!load.pace && !load.paused) tick();
}

function closed(code) {
  for (const { item, kind } of line.pending.splice(0)) {
    if (kind === 'echo') echoDone(item, 'cut', 'lost');
  }
  line.opened = 0;
  const wait = Math.min(5000, 500 * 2 ** line.tries++) * (0.8 + 0.4 * Math.random());
  const until = performance.now() + wait;
  $('burst-result').textContent = '';
  const count = () => {
    const left = until - performance.now();
    if (left <= 0) return dial();
    state('closed', `Closed (${code})`, `again in ${(left / 1000).toFixed(1)} s`);
    setTimeout(count, Math.min(left, 100));
  };
  count();
}

/** The regular message, unless the one before is still on its way. */
function tick() {
  if (load.paused || document.hidden || line.pending.length) return;
  send('tick', tickText());
}

async function tickForEver() {
  for (;;) {
    await sleep(load.pace ? 1000 / load.pace : 100);
    tick();
  }
}

// --- the same without the gate ------------------------------------------------------------------

const DIRECT = 300; // trips compared, the latest of each way
const direct = { socket: undefined, trips: [], at: 0, text: '' };

/** Dials the worker itself, once its address is known; where that fails, nothing is compared. */
function dialDirect(address) {
  direct.socket = new WebSocket(`ws://${address}/ws/echo`);
  direct.socket.onmessage = () => {
    direct.trips.push(performance.now() - direct.at);
    if (direct.trips.length > DIRECT) direct.trips.shift();
    direct.at = 0;
  };
}

/** One trip straight to the worker, while nothing else is on its way. */
function tickDirect() {
  if (direct.socket?.readyState !== WebSocket.OPEN || direct.at || line.pending.length) return;
  if (!load.pace || load.paused || document.hidden) return;
  direct.at = performance.now();
  direct.socket.send(tickText());
}

function showDirect() {
  const through = ws.samples.slice(-DIRECT).map((sample) => sample.ms);
  if (Math.min(through.length, direct.trips.length) < 60) return;
  const [gate, straight] = [median(through), median(direct.trips)];
  const more = gate - straight;
  $('share').textContent = `Straight to the worker the median is ${span(straight)}: the gate ` +
    (more > 0.02 ? `adds ${span(more)}.` : 'adds less than a browser can measure.');
}

// --- echo, burst, close -------------------------------------------------------------------------

function echoDone(item, text, kind) {
  item.className = kind;
  item.querySelector('time').textContent = text;
}

function echo(text) {
  const item = document.createElement('li');
  item.className = 'waiting';
  item.append(document.createElement('span'), document.createElement('time'));
  item.firstChild.textContent = text;
  item.lastChild.textContent = '…';
  const log = $('echo-log');
  log.querySelector('.empty')?.remove();
  if (!send('echo', text, item)) return echoDone(item, 'not connected', 'lost');
  log.prepend(item);
  while (log.children.length > 4) log.lastChild.remove();
}

const BURST = 5000;

function burst() {
  const item = { left: BURST, start: performance.now(), bad: ws.bad, size: load.size };
  const text = tickText();
  for (let i = 0; i < BURST; i++) send('burst', text, item);
  $('burst').disabled = true;
  $('burst-result').textContent = `${whole.format(BURST)} messages of ${bytes(item.size)} on their way …`;
}

function burstDone({ start, bad, size }, now) {
  const ms = now - start;
  const b = (text) => Object.assign(document.createElement('b'), { textContent: text });
  const verdict = ws.bad === bad ? 'all of them unchanged and in order' : `${ws.bad - bad} of them altered`;
  $('burst-result').replaceChildren(
    b(`${whole.format(BURST)} echoes in ${span(ms)}`), `, ${verdict}: `,
    b(`${whole.format(Math.round((BURST / ms) * 1000))} messages`), ` and ${bytes(((2 * BURST * size) / ms) * 1000)} a second.`,
  );
  $('burst').disabled = false;
}

// --- wiring -------------------------------------------------------------------------------------

$('controls').addEventListener('change', ({ target }) => {
  load[target.name] = Number(target.value);
  if (target.name === 'size') [direct.trips, ws.samples, http.samples] = [[], [], []];
});
$('controls').addEventListener('submit', (event) => event.preventDefault());
$('pause').addEventListener('click', ({ target }) => {
  load.paused = !load.paused;
  target.setAttribute('aria-pressed', load.paused);
  target.textContent = load.paused ? 'Go on' : 'Pause';
  tick();
});
$('echo-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = $('echo-text');
  echo(input.value || input.placeholder);
  input.value = '';
});
$('burst').addEventListener('click', burst);
$('drop').addEventListener('click', () => line.socket?.close(1000, 'asked for by the page'));

$('curl').textContent = `curl -i ${location.origin}/api/hello`;
$('wscat').textContent = `npx wscat -c ${location.origin.replace(/^http/, 'ws')}/ws/echo`;
for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    await navigator.clipboard?.writeText($(button.dataset.copy).textContent);
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = 'Copy'), 1500);
  });
}

function showFigures() {
  for (const trips of [http, ws]) {
    const { p50, p99 } = trips.show();
    const what = trips === http ? 'HTTP' : 'WebSocket';
    trips.chart.canvas.ariaLabel = `${what} round trips of the last 30 seconds: median ${span(p50)}, 99th percentile ${span(p99)}`;
  }
  $('ws-age').textContent = line.opened ? age(performance.now() - line.opened) : '–';
  $('ws-bytes').textContent = bytes(line.moved);
  $('ws-opens').textContent = line.opens;
  showWorker();
  showDirect();
}

let drawn = 0;
function frame(now) {
  if (now - drawn > (calm.matches ? 1000 : 45)) {
    drawn = now;
    http.chart.draw();
    ws.chart.draw();
  }
  requestAnimationFrame(frame);
}

const empty = document.createElement('li');
empty.className = 'empty';
empty.textContent = 'Nothing said yet.';
$('echo-log').append(empty);

dial();
askForEver();
tickForEver();
setInterval(showFigures, 250);
requestAnimationFrame(frame);
