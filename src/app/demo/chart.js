// The demo page's instruments: figures as text, round trips and their charts, dots on the lines.
'use strict';

const $ = (id) => document.getElementById(id);
const SAMPLES = 4000; // round trips the percentiles are taken from, at most
const calm = matchMedia('(prefers-reduced-motion: reduce)');

// --- text ---------------------------------------------------------------------------------------

const whole = new Intl.NumberFormat('en');

function duration(ms) {
  if (ms === undefined) return ['–', ''];
  if (ms < 1) return [String(Math.round(ms * 1000)), 'µs'];
  if (ms < 1000) return [ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0), 'ms'];
  return [(ms / 1000).toFixed(2), 's'];
}

const span = (ms) => duration(ms).join(' ').trim();

function bytes(n) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let unit = 0;
  for (; n >= 1024 && unit < 4; unit++) n /= 1024;
  return `${unit && n < 100 ? n.toFixed(1) : whole.format(Math.round(n))} ${units[unit]}`;
}

function median(figures) {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1];
}

function age(ms) {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
}

// --- round trips --------------------------------------------------------------------------------

/** The round trips of one protocol: those a chart shows, and figures on the latest of them. */
class Trips {
  constructor(name) {
    this.name = name;
    this.samples = []; // {at, ms}, oldest first
    this.count = 0;
    this.bad = 0;
    this.last = undefined;
    this.chart = new Chart($(`${name}-chart`), this);
    this.track = new Track($(`track-${name}`));
  }

  add(ms) {
    this.began ??= performance.now();
    this.count++;
    this.last = ms;
    this.samples.push({ at: performance.now(), ms });
    if (this.samples.length > SAMPLES + 500) this.samples.splice(0, 500);
    this.track.pulse();
  }

  /** Median and 99th percentile, and trips of the last second. */
  figures() {
    const now = performance.now();
    const sorted = Float64Array.from(this.samples.slice(-SAMPLES), (s) => s.ms).sort();
    const at = (q) => (sorted.length ? sorted[Math.ceil(q * sorted.length) - 1] : undefined);
    let rate = 0;
    for (let i = this.samples.length; i-- > 0 && this.samples[i].at > now - 2000; ) rate++;
    return { p50: at(0.5), p99: at(0.99), rate: rate / 2 };
  }

  show() {
    const { p50, p99, rate } = this.figures();
    const put = (what, text) => ($(`${this.name}-${what}`).textContent = text);
    const [value, unit] = duration(p50);
    $(`${this.name}-p50`).innerHTML = unit ? `${value}<small>${unit}</small>` : value;
    put('p99', span(p99));
    put('last', span(this.last));
    put('rate', rate >= 10 ? whole.format(Math.round(rate)) : rate.toFixed(1));
    put('count', whole.format(this.count));
    put('bad', whole.format(this.bad));
    $(`${this.name}-bad`).classList.toggle('alarm', this.bad > 0);
    return { p50, p99 };
  }
}

/** A canvas that is drawn at the screen's own resolution, in the page's colours. */
class Figure {
  constructor(canvas) {
    this.canvas = canvas;
    this.top = 1;
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.resize());
  }

  resize() {
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * scale);
    this.canvas.height = Math.round(this.canvas.clientHeight * scale);
    const style = getComputedStyle(this.canvas);
    this.tones = Object.fromEntries(
      ['tone', 'wash', 'rule', 'soft'].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
    );
    this.font = `11px ${style.fontFamily}`;
    this.draw();
  }

  /** An empty canvas, and its size in the page's pixels. */
  clear() {
    const scale = devicePixelRatio || 1;
    const c = this.canvas.getContext('2d');
    const [width, height] = [this.canvas.width / scale, this.canvas.height / scale];
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.clearRect(0, 0, width, height);
    return { c, width, height };
  }

  /** Lines at round figures, `least` apart or more, and how far back it goes, in seconds. */
  grid(c, { left, width, base, y, span, label, least = 0 }) {
    const rough = this.top / 3;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = Math.max(least, [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough));
    c.font = this.font;
    c.strokeStyle = this.tones.rule;
    c.fillStyle = this.tones.soft;
    c.lineWidth = 1;
    c.textBaseline = 'middle';
    c.textAlign = 'right';
    for (let figure = 0; figure < this.top; figure += step) {
      const line = Math.round(y(figure)) + 0.5;
      c.beginPath();
      c.moveTo(left, line);
      c.lineTo(width, line);
      c.stroke();
      c.fillText(figure ? label(figure, step) : '0', left - 6, line);
    }
    c.textBaseline = 'bottom';
    c.textAlign = 'left';
    c.fillText(`${span} s ago`, left, base + 17);
    c.textAlign = 'right';
    c.fillText('now', width, base + 17);
  }
}

/** Round trips over the last ten seconds at first, half a minute later: for each three pixels the
 *  span from least to most, and a line through the middle ones. */
class Chart extends Figure {
  constructor(canvas, trips) {
    super(canvas);
    this.trips = trips;
    this.span = 10_000;
  }

  /** Per column the least, the middle and the greatest trip. */
  columns(width, now) {
    const STEP = 3;
    const columns = [];
    const { samples } = this.trips;
    // Columns keep to the clock, so that one does not change its trips from drawing to drawing.
    const each = (this.span * STEP) / width;
    const first = Math.floor((now - this.span) / each);
    for (let i = samples.length; i-- > 0 && samples[i].at > now - this.span; ) {
      (columns[Math.floor(samples[i].at / each) - first] ??= []).push(samples[i].ms);
    }
    const drawn = [];
    columns.forEach((trips, index) => {
      trips.sort((a, b) => a - b);
      const x = ((first + index + 0.5) * each - (now - this.span)) * (width / this.span);
      drawn.push({ x, least: trips[0], mid: trips[trips.length >> 1], most: trips.at(-1) });
    });
    return drawn;
  }

  draw() {
    if (!this.tones) return;
    const { c, width, height } = this.clear();
    const [left, base] = [44, height - 18];
    const now = performance.now();
    this.span = Math.min(30_000, Math.max(10_000, now - (this.trips.began ?? now)));
    const columns = this.columns(width - left, now);

    // The scale fits nine in ten columns; what is above is marked at the edge.
    const mosts = columns.map((column) => column.most).sort((a, b) => a - b);
    const want = Math.max(0.2, (mosts[Math.floor(mosts.length * 0.9)] ?? 1) * 1.4);
    this.top += (want - this.top) * (calm.matches ? 1 : 0.12);
    const y = (ms) => base - (Math.min(ms, this.top) / this.top) * (base - 8);

    const label = (ms, step) => (step < 0.5 ? `${Math.round(ms * 1000)} µs` : `${+ms.toFixed(1)} ms`);
    this.grid(c, { left, width, base, y, span: Math.round(this.span / 1000), label });
    c.fillStyle = this.tones.wash;
    for (const { x, least, most } of columns) {
      c.fillRect(left + x - 1.5, y(most), 3, Math.max(1, y(least) - y(most)));
    }
    c.strokeStyle = c.fillStyle = this.tones.tone;
    c.lineWidth = 1.6;
    c.lineJoin = 'round';
    c.beginPath();
    let before = -Infinity;
    for (const { x, mid } of columns) {
      // A gap in time is a gap in the line.
      if (x - before > width / 20) c.moveTo(left + x, y(mid));
      else c.lineTo(left + x, y(mid));
      before = x;
    }
    c.stroke();
    for (const { x, most } of columns) {
      if (most > this.top) c.fillRect(left + x - 1, 4, 2, 5);
    }
  }
}

/** The line between browser and worker, along which a dot runs for a message. */
class Track {
  constructor(line) {
    this.line = line;
    this.next = 0;
  }

  pulse() {
    const now = performance.now();
    if (calm.matches || document.hidden || now < this.next) return;
    this.next = now + 140;
    this.run('', 0).finished.then(() => this.run('back', 60)).catch(() => {});
  }

  run(kind, delay) {
    const dot = this.line.appendChild(document.createElement('i'));
    dot.className = kind;
    const side = this.line.clientHeight > this.line.clientWidth ? 'top' : 'left';
    const way = [{ [side]: '0%' }, { [side]: '100%' }];
    if (kind === 'back') way.reverse();
    const timing = { duration: 620, delay, easing: 'cubic-bezier(.45,.05,.55,.95)', fill: 'both' };
    const run = dot.animate(way, timing);
    run.finished.catch(() => {}).then(() => dot.remove());
    return run;
  }
}

