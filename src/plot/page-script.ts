/**
 * The program inside an interactive page: it draws the figures on canvases and lets a reader move in them. Text here, since
 * it runs where this layer does not; the page holds it and its data, and asks no network for anything.
 */

/** Reads the element `data` (see page.ts), fills the element `figures`, and says what is pointed at in `live`. */
export const pageScript = String.raw`'use strict';
(() => {
  const figures = JSON.parse(document.getElementById('data').textContent);
  const place = document.getElementById('figures');
  const live = document.getElementById('live');
  const margin = { left: 84, right: 18, top: 14, bottom: 48 };
  const marks = ['round', 'square', 'up', 'diamond', 'down', 'plus', 'flat', 'tall'];
  const views = [];

  const extent = (figure, axis) => {
    let low = Infinity, high = -Infinity;
    for (const series of figure.series) {
      for (let i = 0; i < series.x.length; i++) {
        const value = series[axis][i];
        if (value < low) low = value;
        const top = axis === 'y' && series.top ? Math.max(value, series.top[i]) : value;
        if (top > high) high = top;
      }
    }
    const bounds = figure[axis === 'x' ? 'xAxis' : 'yAxis'];
    if (bounds.low !== undefined) low = bounds.low;
    if (bounds.high !== undefined) high = bounds.high;
    const room = (high - low || Math.abs(high) || 1) * 0.03;
    return [bounds.low === undefined ? low - room : low, high + room];
  };
  // All figures show the same time.
  const allX = figures.map((figure) => extent(figure, 'x'));
  const wholeX = [Math.min(...allX.map((each) => each[0])), Math.max(...allX.map((each) => each[1]))];
  let rangeX = wholeX.slice();

  const prefixes = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, ''], [1e-3, 'm'], [1e-6, 'µ'], [1e-9, 'n']];
  const prefixFor = (unit, size) => {
    const some = unit === 's' ? prefixes.slice(4) : unit === 'B' || unit === 'bit/s' ? prefixes.slice(0, 5) : [];
    return some.find(([factor]) => size >= factor) || [1, ''];
  };
  const ticks = (low, high, unit, wanted) => {
    const [factor, prefix] = prefixFor(unit, Math.max(Math.abs(low), Math.abs(high)));
    const raw = (high - low) / factor / wanted;
    const power = 10 ** Math.floor(Math.log10(raw));
    const lead = raw / power;
    const step = (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power;
    const digits = Math.min(9, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
    const found = [];
    for (let i = Math.ceil(low / factor / step); i * step * factor <= high && found.length < 50; i++) {
      found.push({ value: i * step * factor, label: (i * step).toFixed(digits).replace(/^-(0\.?0*)$/, '$1') });
    }
    return { found, name: prefix + unit };
  };
  const quantity = (value, unit) => {
    const [factor, prefix] = prefixFor(unit, Math.abs(value));
    return Number((value / factor).toPrecision(6)) + ' ' + prefix + unit;
  };

  const scalesOf = (view) => {
    const { width, height, rangeY } = view;
    const right = width - margin.right, bottom = height - margin.bottom;
    const perX = (right - margin.left) / (rangeX[1] - rangeX[0]);
    const perY = (bottom - margin.top) / (rangeY[1] - rangeY[0]);
    return {
      right, bottom, perX, perY,
      x: (value) => margin.left + (value - rangeX[0]) * perX,
      y: (value) => bottom - (value - rangeY[0]) * perY,
    };
  };

  const drawMark = (pen, mark, x, y) => {
    pen.beginPath();
    if (mark === 'round') pen.arc(x, y, 3, 0, 7);
    else if (mark === 'square') pen.rect(x - 3, y - 3, 6, 6);
    else if (mark === 'flat') pen.rect(x - 4, y - 1, 8, 2);
    else if (mark === 'tall') pen.rect(x - 1, y - 4, 2, 8);
    else if (mark === 'plus') { pen.rect(x - 5, y - 1.25, 10, 2.5); pen.rect(x - 1.25, y - 5, 2.5, 10); }
    else if (mark === 'diamond') { pen.moveTo(x, y - 4); pen.lineTo(x + 4, y); pen.lineTo(x, y + 4); pen.lineTo(x - 4, y); }
    else { const up = mark === 'up' ? 1 : -1; pen.moveTo(x, y - 4 * up); pen.lineTo(x + 4, y + 3 * up); pen.lineTo(x - 4, y + 3 * up); }
    pen.fill();
  };

  const drawSeries = (pen, series, at) => {
    const { x, y, top } = series;
    pen.strokeStyle = series.color;
    pen.fillStyle = series.color;
    pen.lineWidth = 2;
    const isSeen = (i) => x[i] >= rangeX[0] && x[i] <= rangeX[1];
    if (series.kind === 'area') {
      pen.globalAlpha = 0.45;
      for (let i = 0; i + 1 < x.length; i++) {
        if (x[i + 1] < rangeX[0] || x[i] > rangeX[1] || top[i] === y[i]) continue;
        pen.fillRect(at.x(x[i]), at.y(top[i]), at.x(x[i + 1]) - at.x(x[i]), at.y(y[i]) - at.y(top[i]));
      }
      pen.globalAlpha = 1;
    } else if (series.kind === 'scatter') {
      for (let i = 0; i < x.length; i++) if (isSeen(i)) drawMark(pen, marks[series.style], at.x(x[i]), at.y(y[i]));
    } else if (series.kind === 'segments') {
      pen.beginPath();
      for (let i = 0; i < x.length; i++) {
        if (!isSeen(i)) continue;
        pen.moveTo(at.x(x[i]), at.y(y[i]));
        pen.lineTo(at.x(x[i]), Math.min(at.y(top[i]), at.y(y[i]) - 1.5));
      }
      pen.stroke();
    } else {
      pen.setLineDash(series.dash);
      pen.beginPath();
      let isDrawing = false;
      for (let i = 0; i < x.length; i++) {
        if (x[i] > rangeX[1] && i > 0 && x[i - 1] > rangeX[1]) break;
        if (i + 1 < x.length && x[i + 1] < rangeX[0]) continue;
        if (!isDrawing) pen.moveTo(at.x(x[i]), at.y(y[i]));
        else if (series.kind === 'step') pen.lineTo(at.x(x[i]), at.y(y[i - 1]));
        if (isDrawing) pen.lineTo(at.x(x[i]), at.y(y[i]));
        isDrawing = true;
      }
      pen.stroke();
      pen.setLineDash([]);
    }
  };

  const draw = (view) => {
    const { pen, figure, canvas } = view;
    const ratio = window.devicePixelRatio || 1;
    view.width = canvas.clientWidth || 1160;
    view.height = canvas.clientHeight || 460;
    canvas.width = view.width * ratio;
    canvas.height = view.height * ratio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = '#ffffff';
    pen.fillRect(0, 0, view.width, view.height);
    const at = scalesOf(view);
    const alongX = ticks(rangeX[0], rangeX[1], figure.xAxis.unit, Math.max(2, view.width / 130));
    const alongY = ticks(view.rangeY[0], view.rangeY[1], figure.yAxis.unit, 6);
    pen.font = '14px system-ui, Helvetica, Arial, sans-serif';
    pen.lineWidth = 1;
    pen.strokeStyle = '#dddddd';
    pen.fillStyle = '#222222';
    const line = (x1, y1, x2, y2) => { pen.beginPath(); pen.moveTo(x1, y1); pen.lineTo(x2, y2); pen.stroke(); };
    pen.textAlign = 'right';
    for (const { value, label } of alongY.found) {
      line(margin.left, at.y(value), at.right, at.y(value));
      pen.fillText(label, margin.left - 8, at.y(value) + 5);
    }
    pen.textAlign = 'center';
    for (const { value, label } of alongX.found) {
      line(at.x(value), margin.top, at.x(value), at.bottom + 5);
      pen.fillText(label, at.x(value), at.bottom + 20);
    }
    const titled = (axis, unit) => axis.label + (unit ? ' (' + unit + ')' : '');
    pen.fillText(titled(figure.xAxis, alongX.name), (margin.left + at.right) / 2, at.bottom + 40);
    pen.save();
    pen.translate(18, (margin.top + at.bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(titled(figure.yAxis, alongY.name), 0, 0);
    pen.restore();
    pen.save();
    pen.beginPath();
    pen.rect(margin.left, margin.top, at.right - margin.left, at.bottom - margin.top);
    pen.clip();
    figure.series.forEach((series, index) => { if (!view.hidden.has(index)) drawSeries(pen, series, at); });
    pen.textAlign = 'left';
    figure.markers.forEach(({ x, label }, index) => {
      pen.strokeStyle = '#777777';
      pen.fillStyle = '#222222';
      pen.lineWidth = 1;
      pen.setLineDash([4, 4]);
      line(at.x(x), margin.top, at.x(x), at.bottom);
      pen.setLineDash([]);
      pen.fillText(label, at.x(x) + 6, margin.top + 14 + (index % 3) * 16);
    });
    if (view.picked) {
      const { series, index } = view.picked;
      pen.strokeStyle = '#000000';
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(at.x(series.x[index]), at.y(series.y[index]), 8, 0, 7);
      pen.stroke();
    }
    pen.restore();
    pen.strokeStyle = '#444444';
    pen.lineWidth = 1;
    line(margin.left, margin.top, margin.left, at.bottom);
    line(margin.left, at.bottom, at.right, at.bottom);
  };

  const drawAll = () => views.forEach(draw);

  const nearest = (view, mouseX, mouseY) => {
    const at = scalesOf(view);
    let found = null, best = 24 * 24;
    view.figure.series.forEach((series, number) => {
      if (view.hidden.has(number)) return;
      for (let i = 0; i < series.x.length; i++) {
        const dx = at.x(series.x[i]) - mouseX;
        if (dx * dx >= best) continue;
        const low = at.y(series.y[i]);
        const high = series.kind === 'segments' ? at.y(series.top[i]) : low;
        const dy = mouseY > low ? mouseY - low : mouseY < high ? high - mouseY : 0;
        if (dx * dx + dy * dy < best) { best = dx * dx + dy * dy; found = { series, index: i }; }
      }
    });
    return found;
  };

  const describe = (view, { series, index }) => {
    const { figure } = view;
    const parts = [series.name];
    if (series.packet && series.packet[index]) parts.push('packet ' + series.packet[index]);
    parts.push(series.x[index].toFixed(6) + ' ' + figure.xAxis.unit);
    const value = quantity(series.y[index], figure.yAxis.unit);
    parts.push(series.top ? value + ' to ' + quantity(series.top[index], figure.yAxis.unit) : value);
    return parts.join(', ');
  };

  const pick = (view, picked) => {
    view.picked = picked;
    live.textContent = picked ? describe(view, picked) : '';
    view.tip.textContent = live.textContent;
    view.tip.hidden = !picked;
    if (picked) {
      const at = scalesOf(view);
      const x = at.x(picked.series.x[picked.index]);
      view.tip.style.left = Math.max(0, Math.min(x + 12, view.width - 360)) + 'px';
      view.tip.style.top = Math.max(0, at.y(picked.series.y[picked.index]) - 40) + 'px';
    }
    draw(view);
  };

  const zoomed = ([low, high], centre, factor) => [centre - (centre - low) * factor, centre + (high - centre) * factor];
  const zoomX = (factor, centre = (rangeX[0] + rangeX[1]) / 2) => {
    const next = zoomed(rangeX, centre, factor);
    const width = next[1] - next[0];
    if (width > 1e-7 && width <= (wholeX[1] - wholeX[0]) * 4) rangeX = next;
  };
  const shift = ([low, high], by) => [low + by, high + by];
  const reset = () => {
    rangeX = wholeX.slice();
    for (const view of views) view.rangeY = view.wholeY.slice();
  };

  /** The next point in time of the series that one was picked of, or of the first that is shown. */
  const step = (view, by) => {
    const shown = view.figure.series.filter((_, number) => !view.hidden.has(number));
    if (shown.length === 0) return;
    const now = view.picked && shown.includes(view.picked.series) ? view.picked : null;
    const series = now ? now.series : shown[0];
    const first = Math.max(0, series.x.findIndex((x) => x >= rangeX[0]));
    const index = now ? now.index + by : first;
    if (index < 0 || index >= series.x.length) return;
    const x = series.x[index];
    if (x < rangeX[0] || x > rangeX[1]) rangeX = shift(rangeX, x - (rangeX[0] + rangeX[1]) / 2);
    pick(view, { series, index });
  };
  const nextSeries = (view) => {
    const shown = view.figure.series.filter((_, number) => !view.hidden.has(number));
    if (shown.length === 0) return;
    const series = shown[((view.picked ? shown.indexOf(view.picked.series) : -1) + 1) % shown.length];
    pick(view, { series, index: Math.max(0, series.x.findIndex((x) => x >= rangeX[0])) });
  };

  const keys = {
    ArrowLeft: () => { rangeX = shift(rangeX, (rangeX[0] - rangeX[1]) / 10); },
    ArrowRight: () => { rangeX = shift(rangeX, (rangeX[1] - rangeX[0]) / 10); },
    ArrowUp: (view) => { view.rangeY = shift(view.rangeY, (view.rangeY[1] - view.rangeY[0]) / 10); },
    ArrowDown: (view) => { view.rangeY = shift(view.rangeY, (view.rangeY[0] - view.rangeY[1]) / 10); },
    '+': () => zoomX(0.7),
    '=': () => zoomX(0.7),
    '-': () => zoomX(1 / 0.7),
    '>': (view) => { view.rangeY = zoomed(view.rangeY, (view.rangeY[0] + view.rangeY[1]) / 2, 0.7); },
    '<': (view) => { view.rangeY = zoomed(view.rangeY, (view.rangeY[0] + view.rangeY[1]) / 2, 1 / 0.7); },
    '0': reset,
    n: (view) => step(view, 1),
    p: (view) => step(view, -1),
    s: nextSeries,
  };

  const listen = (view) => {
    const { canvas } = view;
    let grip = null;
    const where = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      const at = scalesOf(view), [x, y] = where(event);
      const factor = 1.0015 ** event.deltaY;
      if (event.shiftKey) view.rangeY = zoomed(view.rangeY, view.rangeY[0] + (at.bottom - y) / at.perY, factor);
      else zoomX(factor, rangeX[0] + (x - margin.left) / at.perX);
      drawAll();
    }, { passive: false });
    canvas.addEventListener('pointerdown', (event) => {
      grip = { at: where(event), x: rangeX, y: view.rangeY };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointerup', () => { grip = null; });
    canvas.addEventListener('pointermove', (event) => {
      const [x, y] = where(event);
      if (!grip) return pick(view, nearest(view, x, y));
      const at = scalesOf(view);
      rangeX = shift(grip.x, (grip.at[0] - x) / at.perX);
      view.rangeY = shift(grip.y, (y - grip.at[1]) / at.perY);
      drawAll();
    });
    canvas.addEventListener('pointerleave', () => { if (!grip) pick(view, null); });
    canvas.addEventListener('dblclick', () => { reset(); drawAll(); });
    canvas.addEventListener('keydown', (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act(view);
      drawAll();
    });
  };

  const make = (name, attributes, text = '') => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    return element;
  };

  for (const figure of figures) {
    const section = make('section', { id: figure.id });
    const legend = make('div', { class: 'legend' });
    const frame = make('div', { class: 'frame' });
    const canvas = make('canvas', { tabindex: '0', role: 'img', 'aria-label': figure.title + '. ' + figure.caption });
    const tip = make('div', { class: 'tip' });
    tip.hidden = true;
    const wholeY = extent(figure, 'y');
    const view = { figure, canvas, tip, wholeY, rangeY: wholeY.slice(), hidden: new Set(), picked: null, pen: canvas.getContext('2d') };
    figure.series.forEach((series, number) => {
      const label = make('label', {});
      const box = make('input', { type: 'checkbox' });
      const swatch = make('span', { class: 'swatch', style: 'background:' + series.color });
      box.checked = true;
      box.addEventListener('change', () => {
        if (box.checked) view.hidden.delete(number);
        else view.hidden.add(number);
        pick(view, null);
      });
      label.append(box, swatch, series.name);
      legend.append(label);
    });
    frame.append(canvas, tip);
    section.append(make('h2', {}, figure.title), legend, frame, make('p', {}, figure.caption));
    place.append(section);
    views.push(view);
    listen(view);
  }
  window.addEventListener('resize', drawAll);
  drawAll();
})();
`;
