'use strict';
// Zoom and cursor of the timeline, copying of commands, the filter of the table of changes.
// Reads numbers from data attributes and writes text with textContent alone.
(() => {
  document.documentElement.classList.add('script');
  addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((one) => { one.open = true; }));

  for (const button of document.querySelectorAll('button.copy')) {
    button.addEventListener('click', async () => {
      const code = button.parentElement.querySelector('code');
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = 'Copied';
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = 'Selected';
      }
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    });
  }

  const filter = document.getElementById('filter');
  if (filter) {
    const rows = [...document.querySelectorAll('#changes tbody tr')];
    const left = document.getElementById('left');
    filter.addEventListener('input', () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      left.textContent = words.length ? `${shown} of ${rows.length}` : '';
    });
  }

  const chart = document.getElementById('chart');
  if (!chart) return;
  const plot = document.getElementById('plot');
  const height = Number(chart.getAttribute('height'));
  const numbers = (name) => chart.dataset[name].split(',').map(Number);
  const [lines, errors] = [numbers('lines'), numbers('errors')];
  const count = lines.length;
  const [start, step] = [Number(chart.dataset.start), Number(chart.dataset.step)];
  const [windowFrom, windowTo] = chart.dataset.window ? numbers('window') : [0, count];
  const least = Math.min(8, count);
  const ticks = [...chart.querySelectorAll('.tick')];
  const cursor = document.getElementById('cursor');
  const drag = document.getElementById('drag');
  const readout = document.getElementById('readout');
  let [from, to] = [0, count];
  let at = Math.min(count - 1, Math.max(0, Math.round(windowFrom)));

  const time = (bucket) => new Date((start + bucket * step) * 1000).toISOString().slice(11, 19);
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const show = (wantedFrom, wantedTo) => {
    const width = clamp(wantedTo - wantedFrom, least, count);
    from = clamp(wantedFrom, 0, count - width);
    to = from + width;
    plot.setAttribute('viewBox', `${from} 0 ${width} ${height}`);
    ticks.forEach((tick, place) => { tick.textContent = time(from + (width * place) / (ticks.length - 1)); });
  };
  const tell = () => {
    cursor.setAttribute('x1', at + 0.5);
    cursor.setAttribute('x2', at + 0.5);
    cursor.removeAttribute('visibility');
    readout.textContent = `${time(at)} UTC, ${step} s: ${lines[at]} lines, ${errors[at]} errors`;
  };
  const zoom = (factor, about) => {
    const width = clamp((to - from) * factor, least, count);
    const share = (about - from) / (to - from);
    show(about - width * share, about + width * (1 - share));
  };
  const move = (by) => {
    at = clamp(at + by, 0, count - 1);
    const width = to - from;
    if (at < from) show(at, at + width);
    if (at + 1 > to) show(at + 1 - width, at + 1);
    tell();
  };
  const shift = (share) => show(from + (to - from) * share, to + (to - from) * share);
  const suspicious = () => {
    const beside = Math.max(2, (windowTo - windowFrom) / 2);
    show(windowFrom - beside, windowTo + beside);
    at = clamp(Math.round(windowFrom), 0, count - 1);
    tell();
  };
  const acts = {
    in: () => zoom(0.5, at + 0.5), out: () => zoom(2, at + 0.5), earlier: () => shift(-0.5), later: () => shift(0.5),
    window: suspicious, all: () => show(0, count),
  };
  for (const button of document.querySelectorAll('button[data-act]')) {
    button.addEventListener('click', acts[button.dataset.act]);
  }
  const keys = {
    '+': acts.in, '=': acts.in, '-': acts.out, 0: acts.all, w: acts.window,
    ArrowLeft: () => move(-1), ArrowRight: () => move(1), PageUp: () => move(-10), PageDown: () => move(10),
    Home: () => move(-count), End: () => move(count),
  };
  chart.addEventListener('keydown', (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act();
  });

  const bucket = (event) => {
    const box = chart.getBoundingClientRect();
    return from + ((event.clientX - box.left) / box.width) * (to - from);
  };
  let began = null;
  chart.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'mouse' || event.button !== 0) return;
    began = bucket(event);
    chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener('pointermove', (event) => {
    at = clamp(Math.floor(bucket(event)), 0, count - 1);
    tell();
    if (began === null) return;
    const [low, high] = [Math.min(began, bucket(event)), Math.max(began, bucket(event))];
    drag.setAttribute('x', low);
    drag.setAttribute('width', high - low);
    drag.removeAttribute('visibility');
  });
  chart.addEventListener('pointerup', (event) => {
    drag.setAttribute('visibility', 'hidden');
    if (began !== null && Math.abs(bucket(event) - began) * chart.clientWidth > 8 * (to - from)) {
      show(Math.min(began, bucket(event)), Math.max(began, bucket(event)));
    }
    began = null;
  });
  chart.addEventListener('dblclick', acts.all);
  chart.addEventListener('wheel', (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 0.8 : 1.25, bucket(event));
  }, { passive: false });
})();
