// Draws what an element's `data-chart` holds as stacked bars, into the element. Looks at the server
// bring other data, never another picture: what is drawn stays, and moves.
"use strict";

(() => {
  const HEIGHT = 230;
  const FONT = "12px system-ui, sans-serif";
  const drawings = new Map();
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  const number = new Intl.NumberFormat();
  const short = new Intl.NumberFormat(undefined, { notation: "compact" });

  // The server sends an element without a picture in it; a morph must not take that for its wish.
  Idiomorph.defaults.callbacks.beforeNodeRemoved = (node) => !node.matches?.(".uplot");

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // A bar reaches from nothing to the sum of its own and those below. The last series is the
  // highest: it is drawn first, and the others over it.
  function stacked(series) {
    const sums = [];
    for (const { values } of series) {
      const below = sums[0];
      sums.unshift(values.map((value, at) => value + (below ? below[at] : 0)));
    }
    return sums;
  }

  function table(given) {
    return [given.slots, ...stacked(given.series)];
  }

  function range(given, at) {
    const from = new Date(given.slots[at]);
    return `${day.format(from)}, ${clock.format(from)} – ${clock.format(given.slots[at] + given.width_ms)}`;
  }

  // Midnight says which day begins; every other time is told by the clock.
  function mark(at) {
    const time = new Date(at);
    const midnight = !time.getHours() && !time.getMinutes();
    return midnight ? day.format(time) : clock.format(time);
  }

  // `drawing.given` is what is shown now: what uPlot asks later must not be told of what was.
  function options(drawing, width) {
    const given = () => drawing.given;
    const series = [...drawing.given.series].reverse();
    const axis = {
      font: FONT,
      stroke: colour("--ink-soft"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { stroke: colour("--line"), width: 1 },
    };
    return {
      width,
      height: HEIGHT,
      ms: 1,
      padding: [8, 20, 0, 0],
      cursor: {
        y: false,
        drag: { x: false, y: false },
        points: { show: false },
        dataIdx: (chart, at, closest, value) => {
          const { slots, width_ms } = given();
          const found = Math.floor((value - slots[0]) / width_ms);
          return Math.min(Math.max(found, 0), slots.length - 1);
        },
      },
      scales: {
        x: { range: () => [given().slots[0], given().slots.at(-1) + given().width_ms] },
        y: { range: (chart, least, most) => [0, Math.max(most * 1.05, 4)] },
      },
      axes: [
        { ...axis, space: 72, values: (chart, splits) => splits.map(mark) },
        {
          ...axis,
          size: 52,
          incrs: [1, 2, 5].flatMap((step) => Array.from({ length: 9 }, (_, zeros) => step * 10 ** zeros)).sort((a, b) => a - b),
          values: (chart, splits) => splits.map((value) => short.format(value)),
        },
      ],
      series: [
        {
          label: "Time",
          value: (chart, value, of, at) => (at == null ? given().whole : range(given(), at)),
        },
        ...series.map(({ label, tone }, reversed) => ({
          label,
          width: 0,
          fill: colour(`--chart-${tone}`),
          points: { show: false },
          paths: uPlot.paths.bars({ size: [0.84, 64], align: 1 }),
          value: (chart, value, of, at) => {
            const { values } = given().series[series.length - 1 - reversed];
            return number.format(at == null ? values.reduce((a, b) => a + b, 0) : values[at]);
          },
        })),
      ],
    };
  }

  // What asks for another picture, and not only for other bars.
  function kind(given) {
    return JSON.stringify(given.series.map(({ label, tone }) => [label, tone]));
  }

  function draw(element) {
    const text = element.dataset.chart;
    let drawing = drawings.get(element);
    if (drawing?.text === text) return;
    const given = JSON.parse(text);
    if (drawing && drawing.kind === kind(given)) {
      Object.assign(drawing, { text, given });
      drawing.chart.setData(table(given));
      return;
    }
    drawing?.chart.destroy();
    drawing = { text, given, kind: kind(given) };
    drawing.chart = new uPlot(options(drawing, element.clientWidth), table(given), element);
    drawings.set(element, drawing);
    sizes.observe(element);
  }

  function drawAll() {
    for (const [element, { chart }] of drawings) {
      if (element.isConnected) continue;
      sizes.unobserve(element);
      drawings.delete(element);
      chart.destroy();
    }
    for (const element of document.querySelectorAll("[data-chart]")) draw(element);
  }

  const sizes = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      const chart = drawings.get(target)?.chart;
      const width = target.clientWidth;
      if (chart && width && chart.width !== width) chart.setSize({ width, height: HEIGHT });
    }
  });

  // The colours are read when a picture is made.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const { chart } of drawings.values()) chart.destroy();
    drawings.clear();
    drawAll();
  });

  drawAll();
  new MutationObserver(drawAll).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-chart"],
  });
})();
