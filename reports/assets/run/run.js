// One choice, shown everywhere; and what begins all that.

// Chooses the operation at a position, or none with -1. `from` says where that was done, so that what is looked at stays.
function choose(position, from) {
  run.chosen = position;
  const address = position < 0 ? location.pathname + location.search : `#op-${run.operations.index[position]}`;
  if (location.hash !== address) history[from === 'link' ? 'pushState' : 'replaceState'](null, '', address);
  run.tell('choice');
  const followed = from === 'table' ? table.render() : table.follow();
  if (from !== 'link' && from !== 'address' && from !== 'log') return;
  Promise.resolve(followed).then(() => {
    find('#operations').scrollIntoView({ behavior: from === 'address' ? 'instant' : 'auto' });
    table.rows.get(table.active)?.focus({ preventScroll: true });
  });
}

// The operation that the address names, if any.
function chooseByAddress(from) {
  const wanted = /^#op-(\d+)$/.exec(location.hash);
  if (run.operations && run.chosen >= 0 && !location.hash) choose(-1, 'key');
  if (!wanted || !run.operations) return;
  const position = positionOf(+wanted[1]);
  find('#no-such').hidden = position >= 0;
  find('#no-such').textContent = `There is no operation ${wanted[1]} in this run.`;
  if (position >= 0) choose(position, from);
  else find('#operations').scrollIntoView();
}

// What is shown of the run, in the bar over the drawings.
function sayRange() {
  const [from, to] = run.domain;
  const digits = to - from < 1e8 ? 4 : to - from < 1e9 ? 3 : 1;
  const back = isWhole() ? 'Drag in a plot to zoom; on a focused plot also + − ← → 0.' : 'Double-click or 0 for the whole run.';
  find('#range').textContent = `${figure(from / 1e9, digits)}–${figure(to / 1e9, digits)} s. ${back}`;
  find('#whole').setAttribute('aria-pressed', isWhole());
  const { failure } = run.facts;
  const around = Boolean(failure) && run.domain[0] === failure[0] && run.domain[1] === failure[1];
  find('#around')?.setAttribute('aria-pressed', around);
}

// What is chosen, at the foot of the window while the card is out of sight.
function sayChoice() {
  const box = find('#chosen-now');
  box.hidden = run.chosen < 0;
  if (run.chosen < 0) return;
  const i = run.chosen;
  const { index, kind, outcome, process, invoked } = run.operations;
  const on = nodeOf(i) ? ` on ${nodeOf(i)}` : '';
  const clear = element('button', { type: 'button' }, 'Clear');
  clear.addEventListener('click', () => choose(-1, 'key'));
  box.replaceChildren('Chosen: ', element('a', { class: 'op', href: `#op-${index[i]}` }, `op ${index[i]}`),
    ` ${visible(kind.at(i))} ${OUTCOMES[outcome[i]]}, p${process[i]}${on}, ${seconds(invoked[i])} s `,
    element('a', { href: '#logs' }, 'logs'), ' ', clear);
}

// The chosen operation's marks in the counterexample.
function markProof() {
  const href = run.chosen < 0 ? '' : `#op-${run.operations.index[run.chosen]}`;
  for (const mark of all('.hit')) mark.classList.toggle('picked', mark.getAttribute('href') === href);
  for (const row of all('table.ops tbody tr')) row.classList.toggle('picked', find('a', row)?.getAttribute('href') === href);
}

function startKeys() {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    // A key of one character acts only where the focus is in its section: speech input presses such keys without meaning to.
    const typing = event.target.matches('input, select, textarea');
    if (event.key === '/' && !typing && event.target.closest('#operations')) {
      event.preventDefault();
      find('#find').focus();
    } else if (event.key === 'Escape') {
      if (!filter.isOpen()) table.clear();
      else if (run.chosen >= 0) choose(-1, 'key');
    } else if (event.key === 'ArrowDown' && event.target.id === 'find') {
      event.preventDefault();
      table.go(table.active);
    }
  });
}

// Links to operations lead to the table; those that had no row of their own become links.
function startLinks() {
  for (const name of all('span.op[data-op]')) {
    name.replaceWith(element('a', { class: 'op', href: `#op-${name.dataset.op}` }, name.textContent));
  }
  for (const row of all('tr[id^="op-"]')) {
    const index = row.id.slice(3);
    row.removeAttribute('id');
    row.cells[0].replaceChildren(element('a', { href: `#op-${index}` }, index));
  }
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#op-"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || link.id === 'chosen-link') return;
    const position = positionOf(+(link.getAttribute('href').slice(4)));
    if (position < 0) return;
    event.preventDefault();
    choose(position, link.closest('svg') ? 'drawing' : 'link');
  });
  addEventListener('hashchange', () => chooseByAddress('address'));
  addEventListener('popstate', () => chooseByAddress('address'));
}

function startZoom() {
  run.domain = [0, Math.max(run.facts.end, 1e6)];
  drawings = all('svg.on-run').map((svg) => new Drawing(svg));
  document.body.append(tip);
  const place = calmly(() => {
    for (const drawing of drawings) drawing.place();
    sayRange();
  });
  run.on('domain', place);
  run.on('choice', () => {
    for (const drawing of drawings) drawing.mark();
    sayChoice();
    markProof();
    card.show();
  });
  latencyPlot.start();
  find('#whole').addEventListener('click', () => zoom(0, run.facts.end));
  const { failure } = run.facts;
  find('#around')?.addEventListener('click', () => zoom(failure[0], failure[1]));
  find('#range-tools').hidden = false;
  sayRange();
}

// Paper has the whole run, light, as it is drawn without a script.
function startPrint() {
  let before = null;
  addEventListener('beforeprint', () => {
    before = run.domain;
    run.printing = true;
    zoom(0, run.facts.end);
    for (const drawing of drawings) drawing.place();
    latencyPlot.draw();
  });
  addEventListener('afterprint', () => {
    run.printing = false;
    zoom(...before);
  });
}

async function start() {
  startZoom();
  startPrint();
  const theme = () => run.tell('theme');
  new MutationObserver(theme).observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', theme);
  // A run whose cluster never came up has no operation, and so no table of them.
  if (find('#grid')) {
    table.start();
    find('#unpacking').hidden = false;
    run.operations = await readOperations();
    run.levels = await readLevels();
  }
  run.logs = await readLogs();
  if (run.operations) {
    latencyPlot.prepare();
    await table.prepare();
    startLinks();
    startKeys();
    new IntersectionObserver(([seen]) => find('#chosen-now').classList.toggle('apart', !seen.isIntersecting)).observe(find('#chosen'));
    find('#chosen-none').addEventListener('click', () => choose(-1, 'key'));
  }
  logs.prepare();
  chooseByAddress('address');
  document.documentElement.dataset.ready = 'true';
}

// After the first paint.
requestAnimationFrame(() => setTimeout(() => start().catch((error) => {
  const said = find('#unpacking');
  if (!said) throw error;
  said.hidden = false;
  said.textContent = `The operations cannot be unpacked here (${error.message}). All of them are in history.jsonl.`;
  console.error(error);
})));
