"use strict";
// The live page: news come in as server-sent events; charts are drawn from the tables that stand beside them.

const live = document.getElementById("live");
const state = document.getElementById("live-state");
const pause = document.getElementById("live-pause");
const KEPT_ROWS = 50;

function tell(text, kind) {
  if (state.textContent !== text) state.textContent = text;
  state.dataset.kind = kind;
}

// News.

let source = null;
let waiting = 0; // the timer of the next look at the figures
let paused = false;
let after = live.dataset.stream;

function put(name, html) {
  if (!html.trim()) return;
  const body = document.getElementById(name);
  const rows = document.createElement("template");
  rows.innerHTML = html; // made by the server's templates, every value escaped
  for (const row of rows.content.querySelectorAll("tr")) row.classList.add("new");
  body.querySelector(".none")?.remove();
  body.prepend(rows.content);
  while (body.rows.length > KEPT_ROWS) body.rows[body.rows.length - 1].remove();
}

function figuresSoon() {
  if (waiting) return;
  waiting = window.setTimeout(() => {
    waiting = 0;
    if (document.getElementById("history").contains(document.activeElement)) return figuresSoon(); // someone reads
    window.htmx.ajax("GET", live.dataset.figures, { target: "#tiles", swap: "innerHTML" });
  }, live.dataset.seconds * 1000);
}

function listen() {
  if (source || paused || document.hidden) return;
  source = new EventSource(after);
  source.addEventListener("open", () => tell("Live", "good"));
  source.addEventListener("news", (event) => {
    const news = JSON.parse(event.data);
    put("calls", news.calls);
    put("searches", news.searches);
    const address = new URL(after, window.location.href);
    address.searchParams.set("after", event.lastEventId);
    after = address.pathname + address.search;
    figuresSoon();
  });
  source.addEventListener("bye", () => {
    stop();
    tell("Signed out: load the page again", "bad");
  });
  source.addEventListener("error", () => {
    const gone = source && source.readyState === EventSource.CLOSED; // refused: the browser does not come again
    tell("Not connected, trying again", "warn");
    if (!gone) return;
    stop();
    window.setTimeout(listen, 10000);
  });
}

function stop() {
  source?.close();
  source = null;
}

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  if (!paused) return listen();
  stop();
  tell("Paused", "warn");
});
document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
window.addEventListener("pagehide", stop);
window.addEventListener("pageshow", listen);

// Charts.

let charts = [];

function colour(name) {
  const probe = document.createElement("span");
  probe.className = `chart-${name}`;
  document.body.append(probe);
  const found = window.getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function readTable(table, columns) {
  const heads = table.tHead.rows[0].cells;
  const rows = [...table.tBodies[0].rows];
  const times = rows.map((row) => Date.parse(row.querySelector("time").dateTime) / 1000);
  const values = columns.map((column) =>
    rows.map((row) => (row.cells[column].textContent ? Number(row.cells[column].textContent) : null)),
  );
  return { heads: columns.map((column) => heads[column]), first: heads[0].textContent, data: [times, ...values] };
}

const compact = new Intl.NumberFormat("en", { notation: "compact" });

function moment(seconds, step) {
  const text = new Date(seconds * 1000).toISOString();
  return step >= 28 * 86400 ? text.slice(0, 7) : step >= 86400 ? text.slice(5, 10) : text.slice(11, 16);
}

function draw(plot) {
  const table = document.getElementById(plot.dataset.table);
  if (!table) return;
  const { heads, first, data } = readTable(table, plot.dataset.columns.split(" ").map(Number));
  const kind = plot.dataset.kind;
  const [soft, line] = [colour("soft"), colour("line")];
  const font = "12px system-ui, sans-serif";
  const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { show: false }, font };
  const paths = { bars: uPlot.paths.bars({ size: [0.8, 24] }), steps: uPlot.paths.stepped({ align: 1 }) }[kind];
  const step = data[0].length > 1 ? data[0][1] - data[0][0] : 60;
  charts.push(
    new uPlot(
      {
        width: plot.clientWidth,
        height: 190,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        cursor: { drag: { x: false, y: false }, points: { size: 7 } },
        legend: { live: true },
        scales: {
          x: { range: () => [data[0][0] - step / 2, data[0][data[0].length - 1] + step / 2] },
          y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] },
        },
        axes: [
          { ...axis, values: (_, times, __, ___, between) => times.map((time) => moment(time, between)) },
          { ...axis, size: 48, values: (_, values) => values.map((value) => compact.format(value)) },
        ],
        series: [
          { label: first, value: (_, time) => (time == null ? "–" : moment(time, step)) },
          ...heads.map((head) => {
            const ink = colour(head.dataset.colour ?? "accent");
            const fill = kind === "bars" ? ink : undefined;
            return { label: head.textContent, stroke: ink, fill, width: kind === "bars" ? 0 : 2, paths, spanGaps: true, points: { show: kind === "lines" && data[0].length < 80, size: 5, fill: ink } };
          }),
        ],
      },
      data,
      plot,
    ),
  );
}

function drawAll() {
  for (const chart of charts) chart.destroy();
  charts = [];
  for (const plot of document.querySelectorAll(".plot")) draw(plot);
}

const opened = new Set();
document.addEventListener("toggle", (event) => opened[event.target.open ? "add" : "delete"](event.target.id), true);
document.addEventListener("htmx:oobAfterSwap", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  drawAll();
});
let width = 0;
new ResizeObserver(() => {
  if (document.body.clientWidth === width) return;
  width = document.body.clientWidth;
  drawAll();
}).observe(document.body);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
