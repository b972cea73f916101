// The run's time axis: cross-hair, zoom by pointer and by keys, and the places of all that lies on it. What an element
// carries for this is described in reports/src/plot/svg.rs.

const WIDTH = 1124;
const LEAST_SHOWN = 1e5;

class Drawing {
  constructor(svg) {
    const { from, to, left, right } = svg.dataset;
    Object.assign(this, { svg, from: +from, to: +to, left: +left, right: +right });
    this.height = svg.viewBox.baseVal.height;
    const id = `clip-${Drawing.count++}`;
    const clip = shape('clipPath', { id });
    clip.append(shape('rect', { x: this.left - 1, y: -40, width: this.right - this.left + 2, height: this.height + 80 }));
    svg.prepend(clip);
    this.clip = `url(#${id})`;
    this.items = all('[data-t]', svg).map((element) => this.item(element));
    this.curves = all('[data-ts]', svg).map((path) => this.curve(path));
    this.stretched = all('.stretched', svg).map((group) => {
      const frame = shape('g');
      group.replaceWith(frame);
      frame.append(group);
      return { group, frame };
    });
    this.ticks = all('.ticks', svg);
    this.cursor = shape('g', { class: 'cursor' });
    this.brush = shape('rect', { class: 'brush', y: 0, height: this.height, width: 0 });
    this.cross = shape('line', { class: 'cross', y1: 0, y2: this.height });
    svg.append(this.cursor, this.brush, this.cross);
    this.listen();
  }

  item(element) {
    const { t, u, least, inset, need } = element.dataset;
    const kind = u === undefined ? 'moment' : element.localName;
    const item = { element, kind, t: +t, u: +(u ?? t), least: +(least ?? 0), inset: +(inset ?? 0), need: +(need ?? 0) };
    item.home = this.x(clamp(item.t, this.from, this.to), [this.from, this.to]);
    if (kind === 'text') item.width = element.getComputedTextLength();
    return item;
  }

  curve(path) {
    const times = path.dataset.ts.split(' ').map(Number);
    const points = [...path.getAttribute('d').matchAll(/([ML])\S+ ([-\d.]+)/g)];
    return { path, times, points: points.map((point) => [point[1], point[2]]) };
  }

  x(time, [from, to] = run.domain) {
    return this.left + (time - from) / (to - from) * (this.right - this.left);
  }

  time(x) {
    const [from, to] = run.domain;
    return from + (x - this.left) / (this.right - this.left) * (to - from);
  }

  // The abscissa of a pointer in the drawing's own px.
  at(event) {
    const box = this.svg.getBoundingClientRect();
    const scale = WIDTH / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  place() {
    const [from, to] = run.domain;
    const zoomed = from > this.from || to < this.to;
    for (const item of this.items) {
      const shown = item.kind === 'moment' ? item.t >= from && item.t <= to : item.u >= from && item.t <= to;
      if (!shown) item.element.setAttribute('display', 'none');
      else this.placeItem(item, zoomed);
    }
    for (const { path, times, points } of this.curves) {
      path.setAttribute('d', points.map(([command, y], i) => `${command}${this.x(times[i]).toFixed(1)} ${y}`).join(''));
      path.setAttribute('clip-path', this.clip);
    }
    const factor = (this.to - this.from) / (to - from);
    const offset = this.left - factor * this.x(from, [this.from, this.to]);
    for (const { group, frame } of this.stretched) {
      group.setAttribute('transform', `translate(${offset} 0) scale(${factor} 1)`);
      frame.setAttribute('clip-path', this.clip);
    }
    for (const group of this.ticks) group.replaceChildren(...this.newTicks(+group.dataset.y));
    this.mark();
  }

  placeItem(item, zoomed) {
    const { element, kind } = item;
    const start = Math.max(this.x(item.t), this.left);
    const end = Math.min(this.x(item.u), this.right);
    if (kind === 'moment') {
      element.setAttribute('transform', `translate(${(this.x(item.t) - item.home).toFixed(2)} 0)`);
    } else if (kind === 'rect') {
      element.setAttribute('x', start.toFixed(1));
      element.setAttribute('width', Math.max(end - start, item.least).toFixed(1));
    } else if (kind === 'line') {
      element.setAttribute('x1', start.toFixed(1));
      element.setAttribute('x2', Math.max(end, start + item.least).toFixed(1));
    } else {
      if (end - start < item.need) {
        element.setAttribute('display', 'none');
        return;
      }
      const inset = zoomed ? Math.max(item.inset, 0) : item.inset;
      const width = item.width ||= element.getComputedTextLength();
      element.setAttribute('x', Math.max(0, Math.min(start + inset, WIDTH - 4 - width)).toFixed(1));
    }
    element.removeAttribute('display');
  }

  newTicks(y) {
    const [from, to] = run.domain;
    const step = roundStep((to - from) / 10);
    const digits = Math.max(0, 9 - Math.floor(Math.log10(step) + 1e-9));
    const made = [];
    for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
      const x = this.x(time).toFixed(1);
      const unit = made.length === 0 ? ' s' : '';
      made.push(shape('line', { x1: x, x2: x, y1: y, y2: y + 4, class: 'axis' }));
      made.push(shape('text', { x, y: y + 17, class: 't11', 'text-anchor': 'middle' }, (time / 1e9).toFixed(digits) + unit));
    }
    return made;
  }

  // The chosen operation, from its invocation to its completion.
  mark() {
    this.cursor.replaceChildren();
    if (run.chosen < 0) return;
    const from = run.operations.invoked[run.chosen];
    const to = from + (run.operations.lasted[run.chosen] || 0);
    if (to < run.domain[0] || from > run.domain[1]) return;
    const x = Math.max(this.x(from), this.left);
    const width = Math.min(this.x(to), this.right) - x;
    this.cursor.append(shape('rect', { x, y: 0, width: Math.max(width, 1.5), height: this.height - 20, class: 'cursor-span' }));
    this.cursor.append(shape('line', { x1: x, x2: x, y1: 0, y2: this.height - 20, class: 'cursor-line' }));
  }

  listen() {
    const { svg } = this;
    let start = null;
    let dragging = false;
    const inside = (x) => x >= this.left - 2 && x <= this.right + 2;
    svg.addEventListener('pointerdown', (event) => {
      const [x] = this.at(event);
      if (event.button === 0 && inside(x)) start = x;
    });
    svg.addEventListener('pointermove', (event) => {
      const [x, y] = this.at(event);
      // The button was let go elsewhere.
      if (!(event.buttons & 1) && !dragging) start = null;
      if (start !== null && Math.abs(x - start) > 6 && !dragging) {
        dragging = true;
        svg.setPointerCapture(event.pointerId);
      }
      if (dragging) {
        const [from, to] = [start, clamp(x, this.left, this.right)].sort((a, b) => a - b);
        this.brush.setAttribute('x', from);
        this.brush.setAttribute('width', to - from);
      }
      if (inside(x)) hover(this, x, y, event);
      else leave();
    });
    const end = (event) => {
      const [x, y] = this.at(event);
      if (dragging) {
        zoom(...[this.time(clamp(start, this.left, this.right)), this.time(clamp(x, this.left, this.right))].sort((a, b) => a - b));
      } else if (start !== null && !event.target.closest('a')) {
        const near = nearest(this, x, y);
        if (near >= 0) choose(near, 'drawing');
      }
      this.cancel();
      start = null;
      dragging = false;
    };
    svg.addEventListener('pointerup', end);
    svg.addEventListener('pointercancel', () => {
      this.cancel();
      start = null;
      dragging = false;
    });
    svg.addEventListener('pointerleave', () => { if (!dragging) leave(); });
    svg.addEventListener('dblclick', () => zoom(0, run.facts.end));
    svg.addEventListener('dragstart', (event) => event.preventDefault());
    const region = svg.closest('.wide') || svg;
    region.tabIndex = 0;
    region.setAttribute('aria-keyshortcuts', '+ - ArrowLeft ArrowRight 0');
    region.addEventListener('keydown', zoomByKey);
  }

  cancel() {
    this.brush.setAttribute('width', 0);
  }
}
Drawing.count = 0;

let drawings = [];

// Shows another part of the run in all drawings; all of it where the part is as good as all.
function zoom(from, to) {
  const end = Math.max(run.facts.end, 1e6);
  const length = clamp(to - from, LEAST_SHOWN, end);
  from = clamp((from + to - length) / 2, 0, end - length);
  if (length > end * 0.995) from = 0;
  run.domain = [from, length > end * 0.995 ? end : from + length];
  run.tell('domain');
}

const isWhole = () => run.domain[0] === 0 && run.domain[1] >= run.facts.end;

function zoomByKey(event) {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  const [from, to] = run.domain;
  const length = to - from;
  const middle = (from + to) / 2;
  const move = (by) => zoom(clamp(from + by, 0, run.facts.end - length), clamp(from + by, 0, run.facts.end - length) + length);
  if (event.key === '+' || event.key === '=') zoom(middle - length / 4, middle + length / 4);
  else if (event.key === '-') zoom(middle - length, middle + length);
  else if (event.key === '0') zoom(0, run.facts.end);
  else if (event.key === 'ArrowLeft' && !isWhole()) move(-length / 4);
  else if (event.key === 'ArrowRight' && !isWhole()) move(length / 4);
  else return;
  event.preventDefault();
}

function hover(drawing, x, y, event) {
  const time = clamp(drawing.time(x), run.domain[0], run.domain[1]);
  for (const other of drawings) {
    const at = other.x(time).toFixed(1);
    other.cross.setAttribute('x1', at);
    other.cross.setAttribute('x2', at);
    other.cross.style.visibility = 'visible';
  }
  const near = nearest(drawing, x, y);
  const lines = [`${seconds(time)} s`, ...(drawing === latencyPlot.drawing ? latencyPlot.read(time) : [])];
  lines.push(...faultsIn(time, time).slice(0, 6).map((fault) => fault.label));
  if (near >= 0) lines.push(described(near));
  tip.textContent = lines.join('\n');
  tip.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = tip;
  tip.style.left = `${Math.min(event.clientX + 14, innerWidth - width - 8)}px`;
  tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18}px`;
}

function leave() {
  tip.hidden = true;
  for (const drawing of drawings) drawing.cross.style.visibility = 'hidden';
}

// The operation under the pointer; elsewhere than in the scatter, the one invoked next to that time. -1 where none is near.
function nearest(drawing, x, y) {
  if (!run.operations || run.operations.count === 0) return -1;
  if (drawing === latencyPlot.drawing && latencyPlot.isScatter(y)) return latencyPlot.nearest(x, y);
  const time = drawing.time(x);
  const { invoked } = run.operations;
  const after = Math.min(lowerBound(invoked, time), invoked.length - 1);
  const near = after > 0 && time - invoked[after - 1] < invoked[after] - time ? after - 1 : after;
  return Math.abs(drawing.x(invoked[near]) - x) <= 12 ? near : -1;
}

const tip = element('div', { class: 'tip', hidden: '', 'aria-hidden': 'true' });
