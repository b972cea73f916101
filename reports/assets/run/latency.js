// The latency plot when it is zoomed, or when a run has more operations than marks have room: the scatter on a canvas from
// the columns, quantiles and rates from the level of detail that suits the zoom. Until then the static drawing stands.

const MOST_MARKS = 20000;
const CELL = 2;
const BUCKETS = 8192;
const SHADES = 16;

const latencyPlot = {
  drawing: null,

  // Takes hold of the static drawing; without one there is nothing to do.
  start() {
    const svg = find('#latency svg.on-run');
    if (!svg) return;
    this.drawing = drawings.find((drawing) => drawing.svg === svg);
    const panel = (name) => {
      const fixed = find(`g.${name}`, svg);
      const numbers = Object.fromEntries(Object.entries(fixed.dataset).map(([key, value]) => [key, +value]));
      const drawn = shape('g', { class: `${name}-drawn` });
      fixed.after(drawn);
      return { fixed, drawn, ...numbers };
    };
    this.panels = { scatter: panel('scatter'), quantiles: panel('quantiles'), rates: panel('rates') };
    const stage = element('div', { class: 'stage' });
    svg.replaceWith(stage);
    this.canvas = element('canvas', { 'aria-hidden': 'true' });
    stage.append(svg, this.canvas);
    this.note = find('#scatter-note');
    this.fixedNote = this.note ? this.note.textContent : '';
    const redraw = calmly(() => this.draw());
    run.on('domain', redraw);
    run.on('choice', redraw);
    run.on('theme', redraw);
    new ResizeObserver(redraw).observe(stage);
  },

  // Puts the completed operations into buckets of time, so that a part of the run is found without looking at all of them.
  prepare() {
    if (!this.drawing) return;
    const { count, lasted } = run.operations;
    const { low, high } = this.panels.scatter;
    const scale = Math.log(high / low);
    this.height = new Float32Array(count);
    const bucket = new Uint16Array(count);
    this.starts = new Uint32Array(BUCKETS + 2);
    for (let i = 0; i < count; i++) {
      this.height[i] = Math.log(clamp(latency(i) / 1e6, low, high) / low) / scale;
      bucket[i] = Number.isNaN(lasted[i]) ? BUCKETS : this.bucket(completed(i));
      this.starts[bucket[i] + 1]++;
    }
    for (let b = 0; b <= BUCKETS; b++) this.starts[b + 1] += this.starts[b];
    const next = this.starts.slice();
    this.order = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.order[next[bucket[i]]++] = i;
    this.total = this.starts[BUCKETS];
    this.proof = new Set(run.facts.proof.map(positionOf));
    this.draw();
  },

  bucket(time) {
    return clamp(Math.floor(time / Math.max(run.facts.end, 1) * BUCKETS), 0, BUCKETS - 1);
  },

  // The completed operations that may lie between two times.
  between(from, to) {
    return this.order.subarray(this.starts[this.bucket(from)], this.starts[this.bucket(to) + 1]);
  },

  isScatter(y) {
    const { scatter } = this.panels;
    return Boolean(this.order) && y >= scatter.y - 6 && y <= scatter.y + scatter.height + 6;
  },

  // The place of an operation in the drawing.
  point(i) {
    const { scatter } = this.panels;
    return [this.drawing.x(completed(i)), scatter.y + scatter.height * (1 - this.height[i])];
  },

  nearest(x, y) {
    let best = -1;
    let least = 144;
    for (const i of this.between(this.drawing.time(x - 12), this.drawing.time(x + 12))) {
      const [px, py] = this.point(i);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
    return best;
  },

  draw() {
    if (!this.drawing) return;
    this.drawLevels();
    const dense = this.order && !run.printing && (!isWhole() || this.total > MOST_MARKS);
    this.panels.scatter.fixed.setAttribute('display', dense ? 'none' : 'inline');
    const pen = this.pen();
    if (dense) this.drawScatter(pen);
    else if (this.note) this.note.textContent = this.fixedNote;
    this.drawChosen(pen);
  },

  // A cleared canvas over the drawing, in the drawing's px.
  pen() {
    const { svg, height } = this.drawing;
    const scale = svg.clientWidth / WIDTH * devicePixelRatio;
    this.canvas.width = Math.round(WIDTH * scale);
    this.canvas.height = Math.round(height * scale);
    const pen = this.canvas.getContext('2d');
    pen.scale(scale, scale);
    return pen;
  },

  drawScatter(pen) {
    const [from, to] = run.domain;
    const seen = this.between(from, to).filter((i) => completed(i) >= from && completed(i) <= to);
    const colours = ['--ok', '--fail', '--info'].map(colourOf);
    const { left, right } = this.drawing;
    pen.save();
    pen.beginPath();
    pen.rect(left - 5, 0, right - left + 10, this.drawing.height);
    pen.clip();
    const marks = seen.length <= MOST_MARKS ? seen : this.drawCells(pen, seen, colours);
    this.drawMarks(pen, marks, colours);
    pen.restore();
    this.say(seen.length, marks.length);
  },

  say(seen, marks) {
    if (!this.note) return;
    const rings = this.proof.size > 0 ? ' Rings are of the counterexample.' : '';
    const level = run.levels.length > 0 ? ` Quantiles and rates are of steps of ${span(this.level().length)}.` : '';
    this.note.textContent = seen <= MOST_MARKS
      ? `${counted(seen, 'completed operation', 'completed operations')} in view, each with its mark.${rings}${level}`
      : `${figure(seen)} completed operations in view. Every info operation, the slowest 1 % of every ${CELL} px of time and ` +
        `the counterexample have their marks: ${figure(marks)} in all. The others lie in cells of ${CELL} × ${CELL} px, the ` +
        `stronger the more, on a logarithmic scale. Zoom in to see each.${rings}${level}`;
  },

  // Draws the density of ok and fail, and returns what is to have a mark of its own.
  drawCells(pen, seen, colours) {
    const { left, right } = this.drawing;
    const { y, height } = this.panels.scatter;
    const wide = Math.ceil((right - left) / CELL);
    const high = Math.ceil(height / CELL);
    const column = (i) => clamp(Math.floor((this.point(i)[0] - left) / CELL), 0, wide - 1);
    const columns = Array.from({ length: wide }, () => []);
    const marks = [];
    for (const i of seen) {
      if (run.operations.outcome[i] === 2 || this.proof.has(i)) marks.push(i);
      else columns[column(i)].push(i);
    }
    const counts = [new Uint32Array(wide * high), new Uint32Array(wide * high)];
    columns.forEach((inside, at) => {
      const limit = slowest(inside);
      let room = Math.ceil(inside.length / 100);
      for (const i of inside) {
        if (room > 0 && latency(i) >= limit) {
          room--;
          marks.push(i);
        } else {
          const row = clamp(Math.floor((this.point(i)[1] - y) / CELL), 0, high - 1);
          counts[run.operations.outcome[i]][row * wide + at]++;
        }
      }
    });
    const fullest = Math.log1p(counts.reduce((most, cells) => cells.reduce((a, b) => Math.max(a, b), most), 1));
    for (const outcome of [1, 0]) {
      const shades = Array.from({ length: SHADES }, () => []);
      counts[outcome].forEach((count, at) => {
        if (count > 0) shades[Math.min(SHADES - 1, Math.floor(Math.log1p(count) / fullest * SHADES))].push(at);
      });
      pen.fillStyle = colours[outcome];
      shades.forEach((cells, shade) => {
        pen.globalAlpha = 0.12 + 0.88 * (shade + 1) / SHADES;
        for (const at of cells) pen.fillRect(left + at % wide * CELL, y + Math.floor(at / wide) * CELL, CELL, CELL);
      });
    }
    pen.globalAlpha = 1;
    return marks;
  },

  drawMarks(pen, marks, colours) {
    const paths = [new Path2D(), new Path2D(), new Path2D()];
    const proof = new Path2D();
    for (const i of marks) {
      const [x, y] = this.point(i);
      const outcome = run.operations.outcome[i];
      const path = paths[outcome];
      if (outcome === 0) {
        path.moveTo(x, y);
        path.lineTo(x + 0.01, y);
      } else if (outcome === 1) {
        path.moveTo(x - 1.9, y - 1.9);
        path.lineTo(x + 1.9, y + 1.9);
        path.moveTo(x + 1.9, y - 1.9);
        path.lineTo(x - 1.9, y + 1.9);
      } else {
        path.moveTo(x, y - 4);
        path.lineTo(x + 4, y + 3);
        path.lineTo(x - 4, y + 3);
        path.closePath();
      }
      if (this.proof.has(i)) {
        proof.moveTo(x + 6, y);
        proof.arc(x, y, 6, 0, 7);
      }
    }
    const stroke = (path, colour, width, alpha) => {
      pen.globalAlpha = alpha;
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.stroke(path);
      pen.globalAlpha = 1;
    };
    stroke(paths[1], colours[1], 1.1, 0.6);
    pen.lineCap = 'round';
    stroke(paths[0], colours[0], 3.4, 0.75);
    pen.fillStyle = colourOf('--bg');
    pen.fill(paths[2]);
    stroke(paths[2], colours[2], 1.6, 1);
    stroke(proof, colourOf('--invalid'), 1.4, 1);
  },

  drawChosen(pen) {
    const i = run.chosen;
    if (i < 0 || !this.order || Number.isNaN(run.operations.lasted[i])) return;
    const [x, y] = this.point(i);
    if (x < this.drawing.left - 1 || x > this.drawing.right + 1) return;
    pen.strokeStyle = colourOf('--pick-ink');
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x, y, 7, 0, 7);
    pen.stroke();
  },

  // The level whose steps are as wide on the screen as those of the whole run.
  level() {
    const factor = Math.max(run.facts.end, 1) / (run.domain[1] - run.domain[0]);
    const wanted = Math.floor(Math.log(factor) / Math.log(8) + 0.4);
    return run.levels[clamp(wanted, 0, run.levels.length - 1)];
  },

  drawLevels() {
    const { quantiles, rates } = this.panels;
    const level = isWhole() ? null : this.level();
    for (const panel of [quantiles, rates]) {
      panel.fixed.setAttribute('display', level ? 'none' : 'inline');
      panel.drawn.replaceChildren();
    }
    if (!level) return;
    const [from, to] = run.domain;
    const first = clamp(Math.floor(from / level.length) - 1, 0, level.count - 1);
    const last = clamp(Math.ceil(to / level.length), 0, level.count - 1);
    const steps = { level, first, last };
    const scale = Math.log(quantiles.high / quantiles.low);
    const log = (time) => Math.log(clamp(time / 1e6, quantiles.low, quantiles.high) / quantiles.low) / scale;
    this.drawLines(quantiles, steps, level.quantiles, ['p50', 'p95', 'p99', 'max'], ['q50', 'q95', 'q99', 'qmax'], log);

    const rate = level.rates.map((counts) => counts.map((count, k) => count * 1e9 / this.stepLength(level, k)));
    let highest = 1;
    for (const column of rate) highest = column.subarray(first, last + 1).reduce((a, b) => Math.max(a, b), highest);
    const step = roundStep(highest / 3);
    const top = Math.ceil(highest / step) * step;
    for (let value = 0; value <= top; value += step) {
      const y = rates.y + rates.height * (1 - value / top);
      rates.drawn.append(shape('line', { x1: this.drawing.left, x2: this.drawing.right, y1: y, y2: y, class: 'grid' }));
      const label = figure(value) + (value === top ? ' /s' : '');
      rates.drawn.append(shape('text', { x: this.drawing.left - 8, y: y + 4, 'text-anchor': 'end', class: 't11' }, label));
    }
    this.drawLines(rates, steps, rate, OUTCOMES, OUTCOMES.map((word) => `rate o-${word}`), (value) => value / top);
  },

  // The last step ends with the run.
  stepLength(level, k) {
    return k + 1 === level.count ? Math.max(run.facts.end - k * level.length, 1) : level.length;
  },

  drawLines(panel, { level, first, last }, columns, names, classes, scale) {
    const frame = shape('g', { 'clip-path': this.drawing.clip });
    const labels = [];
    columns.forEach((column, which) => {
      let path = '';
      let down = false;
      let end = NaN;
      for (let k = first; k <= last; k++) {
        if (Number.isNaN(column[k])) {
          down = false;
          continue;
        }
        const y = panel.y + panel.height * (1 - scale(column[k]));
        const [x1, x2] = [k * level.length, k * level.length + this.stepLength(level, k)].map((time) => this.drawing.x(time));
        path += `${down ? 'L' : 'M'}${x1.toFixed(1)} ${y.toFixed(1)}L${x2.toFixed(1)} ${y.toFixed(1)}`;
        down = true;
        if (x1 <= this.drawing.right) end = y;
      }
      frame.append(shape('path', { d: path, class: classes[which] }));
      if (!Number.isNaN(end)) labels.push([end + 4, names[which]]);
    });
    panel.drawn.append(frame);
    labels.reverse().sort((a, b) => a[0] - b[0]);
    let under = panel.y - 9;
    for (const label of labels) under = label[0] = Math.max(label[0], under + 13);
    let over = panel.y + panel.height + 17;
    for (const label of labels.reverse()) over = label[0] = Math.min(label[0], over - 13);
    for (const [y, name] of labels) {
      panel.drawn.append(shape('text', { x: this.drawing.right + 8, y, class: 't11 strong' }, name));
    }
  },

  // What the plot says of a time, in words.
  read(time) {
    const level = run.levels.length > 0 ? this.level() : null;
    if (!level) return [];
    const k = clamp(Math.floor(time / level.length), 0, level.count - 1);
    const [p50, p95, p99, max] = level.quantiles.map((column) => column[k]);
    const rates = level.rates.map((counts, which) =>
      `${OUTCOMES[which]} ${figure(Math.round(counts[k] * 1e9 / this.stepLength(level, k)))}`);
    const quantiles = Number.isNaN(p50)
      ? 'fewer than three completions, no quantiles'
      : `p50 ${millis(p50, 1)}, p95 ${millis(p95, 1)}, p99 ${millis(p99, 1)}, max ${millis(max, 1)} ms`;
    return [quantiles, `${rates.join(', ')} /s`];
  },
};

// The latency from which on an operation is of the slowest 1 % of these.
function slowest(positions) {
  if (positions.length === 0) return Infinity;
  const sorted = Float64Array.from(positions, latency).sort();
  return sorted[sorted.length - Math.ceil(positions.length / 100)];
}

// A colour of the page as the theme has it.
function colourOf(name) {
  const probe = element('span', { style: `color: var(${name})` });
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
