"use strict";
// The picture of the graph: what the address in data-source answers, laid out beside the page (graph_layout.js) and
// drawn here, a little of it a frame, so that the page answers however much is drawn.

(() => {
  const box = document.getElementById("picture");
  if (!box) return;
  const canvas = document.getElementById("canvas");
  const state = document.getElementById("picture-state");
  const zoom = document.getElementById("zoom");
  const pen = canvas.getContext("2d");
  const MANY = 800; // things, from which on they are drawn more simply
  const MOST_NAMES = 160; // drawn at a time
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  let nodes = []; // {id, kind, label, degree, size, x, y, middle}
  let links = []; // {id, relation, source, target: nodes}
  let truncated = false;
  let chosen = null;
  let over = null;
  let view = { scale: 1, x: 0, y: 0 }; // a thing at (x, y) is drawn at (x * scale + view.x, …)
  let moved = false; // by a person: the picture is not moved under their hands
  let look = {};
  let worker;
  let busy = Promise.resolve();

  // Colours come from the style sheet, by way of elements that have them.
  function readLook() {
    const of = (element, property = "color") => getComputedStyle(element)[property];
    look = {
      ink: of(box), paper: of(box, "backgroundColor"), line: of(zoom.querySelector("button"), "borderTopColor"),
      accent: of(document.querySelector(".sections [aria-current]")), soft: of(state), font: of(document.body, "fontFamily"),
      kinds: {},
    };
    for (const key of document.querySelectorAll("[data-kind]")) look.kinds[key.dataset.kind] = of(key.firstElementChild);
  }

  // Drawing.

  const corners = (count, turn) => Array.from({ length: count }, (_, at) => turn + (at * 2 * Math.PI) / count);
  const outlines = {
    resource: corners(4, Math.PI / 4), blueprint: corners(6, Math.PI / 6), symbol: corners(4, 0), file: corners(4, Math.PI / 4),
    assignment: corners(3, -Math.PI / 2),
  };

  function outline(on, kind, x, y, size) {
    const turns = outlines[kind];
    if (kind === "resource" && size > 4) {
      on.roundRect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8, size * 0.4);
    } else if (turns) {
      turns.forEach((turn, at) => on[at ? "lineTo" : "moveTo"](x + size * 1.15 * Math.cos(turn), y + size * 1.15 * Math.sin(turn)));
      on.closePath();
    } else {
      on.moveTo(x + size, y);
      on.arc(x, y, size, 0, 2 * Math.PI);
    }
  }

  const across = (node, by = view) => node.x * by.scale + by.x;
  const down = (node, by = view) => node.y * by.scale + by.y;
  const radius = (node, by = view) => (node.size / 2) * Math.min(1.6, Math.max(nodes.length > MANY ? 0.25 : 0.6, by.scale));

  // Things and links are painted in the background, a few milliseconds a frame; what is painted is shown at once when
  // it is whole, and moved along with the view until it is painted anew.
  let [shown, behind] = [document.createElement("canvas"), document.createElement("canvas")];
  let shownView = null;
  let painting = null;
  let stale = false;
  let framed = false;

  function redraw() {
    stale = true;
    refresh();
  }

  function refresh() {
    if (!framed) requestAnimationFrame(frame);
    framed = true;
  }

  function frame() {
    framed = false;
    if (!painting && stale) {
      stale = false;
      const by = { ...view };
      painting = { by, steps: paint(behind, by) };
    }
    const end = performance.now() + 10;
    let whole = false;
    while (painting && !whole && performance.now() < end) whole = painting.steps.next().done;
    if (whole) {
      [shown, behind] = [behind, shown];
      shownView = painting.by;
      painting = null;
    }
    compose();
    if (painting || stale) refresh();
  }

  const density = () => (nodes.length > MANY ? 1 : window.devicePixelRatio);

  function clear(surface, pen_) {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    surface.width = Math.round(width * density());
    surface.height = Math.round(height * density());
    pen_.setTransform(density(), 0, 0, density(), 0, 0);
  }

  function inside(node, by, room = 40) {
    const [x, y] = [across(node, by), down(node, by)];
    return x > -room && x < canvas.clientWidth + room && y > -room && y < canvas.clientHeight + room;
  }

  function* paint(surface, by) {
    const under = surface.getContext("2d");
    clear(surface, under);
    const arrows = links.length <= 2 * MANY;
    under.globalAlpha = arrows ? 0.6 : 0.35;
    let done = 0;
    for (const link of links.slice()) {
      if (inside(link.source, by) || inside(link.target, by)) drawLink(under, link, by, look.line, 1, arrows);
      if ((done += 1) % 40 === 0) yield;
    }
    under.globalAlpha = 1;
    for (const node of nodes.slice()) {
      if (inside(node, by)) drawNode(under, node, by);
      if ((done += 1) % 40 === 0) yield;
    }
  }

  function drawNode(on, node, by) {
    const size = radius(node, by);
    on.fillStyle = look.kinds[node.kind];
    if (size < 2.5) {
      on.fillRect(across(node, by) - size, down(node, by) - size, 2 * size, 2 * size);
      return;
    }
    on.beginPath();
    outline(on, node.kind, across(node, by), down(node, by), size);
    on.fill();
    if (nodes.length > MANY) return;
    on.lineWidth = 1.5;
    on.strokeStyle = look.paper;
    on.stroke();
  }

  // A stroke a link: one of all together takes software that draws paths many times as long.
  function drawLink(on, { source, target }, by, colour, width, arrow) {
    const [x, y, toX, toY] = [across(source, by), down(source, by), across(target, by), down(target, by)];
    on.strokeStyle = on.fillStyle = colour;
    on.lineWidth = width;
    on.beginPath();
    on.moveTo(x, y);
    on.lineTo(toX, toY);
    on.stroke();
    if (!arrow) return;
    const turn = Math.atan2(toY - y, toX - x);
    const far = radius(target, by) * 1.15 + 2;
    const [tipX, tipY] = [toX - far * Math.cos(turn), toY - far * Math.sin(turn)];
    on.beginPath();
    on.moveTo(tipX, tipY);
    for (const side of [-0.4, 0.4]) on.lineTo(tipX - 8 * Math.cos(turn + side), tipY - 8 * Math.sin(turn + side));
    on.fill();
  }

  function compose() {
    clear(canvas, pen);
    if (shownView) {
      const real = view.scale / shownView.scale;
      pen.drawImage(shown, view.x - shownView.x * real, view.y - shownView.y * real,
        (shown.width / density()) * real, (shown.height / density()) * real);
    }
    const mine = chosen ? links.filter(({ source, target }) => source === chosen || target === chosen) : [];
    for (const link of mine) drawLink(pen, link, view, look.accent, 2, true);
    const near = new Set(mine.flatMap(({ source, target }) => [source, target]));
    for (const node of near) drawNode(pen, node, view);
    for (const node of nodes) if (node.middle || node === chosen) ring(node, node === chosen ? 3 : 2);
    if (mine.length < 60) nameLinks(mine);
    nameNodes(near);
  }

  function ring(node, width) {
    pen.beginPath();
    pen.arc(across(node), down(node), radius(node) * 1.2 + 3, 0, 2 * Math.PI);
    pen.lineWidth = width;
    pen.strokeStyle = look.accent;
    pen.stroke();
  }

  function write(text, x, y, colour) {
    pen.lineWidth = 3.5;
    pen.lineJoin = "round";
    pen.strokeStyle = look.paper;
    pen.strokeText(text, x, y);
    pen.fillStyle = colour;
    pen.fillText(text, x, y);
  }

  function nameLinks(all) {
    pen.font = `11px ${look.font}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const { source, target, relation } of all) {
      if (Math.hypot(across(source) - across(target), down(source) - down(target)) < 90) continue;
      write(relation, (across(source) + across(target)) / 2, (down(source) + down(target)) / 2, look.soft);
    }
  }

  // Names, those of the chosen, of what is near it and of what is linked most first; none over another one.
  function nameNodes(near) {
    const first = nodes.filter((node) => node === over || node === chosen || node.middle);
    const taken = [];
    let tries = 0;
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const node of new Set([...first, ...near, ...nodes])) {
      if (taken.length >= MOST_NAMES || (tries += 1) > 4 * MOST_NAMES) break;
      if (!inside(node, view, 0)) continue;
      pen.font = `${node.middle || node === chosen ? "600 13px" : "12px"} ${look.font}`;
      node.width ??= pen.measureText(node.short).width + 6;
      const half = node.width / 2;
      const x = Math.max(half, Math.min(canvas.clientWidth - half, across(node)));
      const y = down(node) + radius(node) * 1.15 + 3;
      const place = [x - half, y, x + half, y + 15];
      const free = taken.every((one) => place[2] < one[0] || place[0] > one[2] || place[3] < one[1] || place[1] > one[3]);
      if (!free && node !== over) continue;
      taken.push(place);
      write(node.short, x, y, !chosen || near.has(node) ? look.ink : look.soft);
    }
  }

  function fit() {
    if (!nodes.length) return;
    const [xs, ys] = [nodes.map((node) => node.x), nodes.map((node) => node.y)];
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const room = Math.min(70, canvas.clientWidth / 6);
    const scale = Math.min((canvas.clientWidth - 2 * room) / (right - left || 1), (canvas.clientHeight - 90) / (bottom - top || 1), 1.3);
    view = { scale, x: (canvas.clientWidth - (left + right) * scale) / 2, y: (canvas.clientHeight - 16 - (top + bottom) * scale) / 2 };
    redraw();
  }

  function closer(by, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const scale = Math.min(4, Math.max(0.02, view.scale * by));
    const real = scale / view.scale;
    view = { scale, x: x - (x - view.x) * real, y: y - (y - view.y) * real };
    redraw();
  }

  // What is shown.

  const count = (number, one, many) => `${number.toLocaleString("en").replaceAll(",", " ")} ${number === 1 ? one : many}`;

  // Adds what is not shown yet, in rings around `from`, else around the middle, until the layout is told.
  function add(found, from) {
    const known = new Map(nodes.map((node) => [node.id, node]));
    const [x, y] = from ? [from.x, from.y] : [0, 0];
    let fresh = 0;
    const all = found.nodes.map((node) => {
      if (known.has(node.id)) return known.get(node.id);
      const turn = fresh * 2.39996, far = 30 * Math.sqrt(fresh + 1);
      fresh += 1;
      const short = node.label.length > 34 ? `${node.label.slice(0, 32)}…` : node.label;
      const made = {
        ...node, short, size: Math.min(46, 14 + 4 * Math.sqrt(node.degree)), kind: node.kind in look.kinds ? node.kind : "entity",
        middle: node.steps === 0 && box.dataset.source.includes("node="), x: x + far * Math.cos(turn), y: y + far * Math.sin(turn),
      };
      nodes.push(made);
      return made;
    });
    const drawn = new Set(links.map((link) => link.id));
    for (const { id, source, target, relation } of found.links) {
      if (!drawn.has(id)) links.push({ id, source: all[source], target: all[target], relation: relation.replaceAll("_", " ") });
    }
    nodes.sort((one, other) => other.degree - one.degree); // names are given in this order
    truncated = found.truncated;
    const more = truncated ? " More is within reach: expand a thing, or have more shown." : "";
    state.textContent = `${count(nodes.length, "thing", "things")} and ${count(links.length, "relation", "relations")} are drawn.${more}`;
    return fresh;
  }

  function arrange(again) {
    worker?.terminate();
    worker = new Worker(box.dataset.worker);
    box.dataset.state = "arranging";
    const order = nodes.slice();
    const number = new Map(order.map((node, at) => [node, at]));
    const many = order.length > MANY;
    return new Promise((done, failed) => {
      worker.onerror = () => failed(new Error("Its layout failed."));
      worker.onmessage = ({ data }) => {
        order.forEach((node, at) => {
          if (!node.held) [node.x, node.y] = [data.places[2 * at], data.places[2 * at + 1]];
        });
        if (again || moved) redraw();
        else fit();
        if (data.done) {
          worker.terminate();
          box.dataset.state = "done";
          done();
        }
      };
      worker.postMessage({
        scripts: box.dataset.scripts.split(" ").map((path) => new URL(path, location.href).href),
        ends: Int32Array.from(links.flatMap(({ source, target }) => [number.get(source), number.get(target)])),
        places: Float32Array.from(order.flatMap(({ x, y }) => [x, y])),
        sizes: Float32Array.from(order, (node) => node.size),
        ticks: many ? 90 : 260, alpha: again ? 0.4 : 1, every: still ? 0 : many ? 400 : 40,
        tall: canvas.clientHeight / canvas.clientWidth,
      });
    });
  }

  async function show(address, from) {
    try {
      box.dataset.state = "drawing";
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
      box.hidden = zoom.hidden = false;
      readLook();
      const fresh = add(await answer.json(), from);
      if (!from) fit();
      if (fresh || !from) await arrange(Boolean(from));
      box.dataset.state = "done";
    } catch (error) {
      state.textContent = `The picture could not be drawn. ${error.message}`;
      box.dataset.state = "failed";
    }
  }

  // What a person does.

  function choose(node) {
    chosen = node;
    refresh();
    const address = new URL(box.dataset.thing, location.href);
    address.searchParams.set("node", node.id);
    window.htmx.ajax("GET", address.pathname + address.search, { target: "#thing", swap: "innerHTML" });
  }

  function at(event) {
    const { left, top } = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    let [found, least] = [null, Infinity];
    for (const node of nodes) {
      const far = Math.hypot(across(node) - x, down(node) - y) - radius(node);
      if (far < least) [found, least] = [node, far];
    }
    return { x, y, node: least < 6 ? found : null };
  }

  const fingers = new Map();
  let grip = null;

  canvas.addEventListener("pointerdown", (event) => {
    const { x, y, node } = at(event);
    moved = true;
    canvas.classList.add("active");
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x, y });
    grip = { node, x, y, far: 0 };
    if (node) node.held = true;
  });
  canvas.addEventListener("pointermove", (event) => {
    const { x, y, node } = at(event);
    const before = fingers.get(event.pointerId);
    if (!before) {
      if (node !== over) {
        over = node;
        canvas.title = node ? node.label : "";
        canvas.classList.toggle("over", Boolean(node));
        refresh();
      }
      return;
    }
    if (fingers.size === 2) {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      closer(Math.hypot(x - other.x, y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1), other.x, other.y);
    } else if (grip?.node) {
      grip.node.x += (x - before.x) / view.scale;
      grip.node.y += (y - before.y) / view.scale;
    } else {
      view.x += x - before.x;
      view.y += y - before.y;
    }
    grip.far += Math.hypot(x - before.x, y - before.y);
    fingers.set(event.pointerId, { x, y });
    redraw();
  });
  for (const ended of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(ended, (event) => {
      fingers.delete(event.pointerId);
      if (grip?.node) grip.node.held = false;
      if (ended === "pointerup" && grip?.node && grip.far < 5) choose(grip.node);
      if (!fingers.size) grip = null;
    });
  }
  // The wheel scrolls the page until the picture was touched.
  canvas.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse") canvas.classList.remove("active");
  });
  canvas.addEventListener("wheel", (event) => {
    if (!canvas.classList.contains("active") && !event.ctrlKey) return;
    event.preventDefault();
    moved = true;
    const { x, y } = at(event);
    closer(1.0015 ** -event.deltaY, x, y);
  }, { passive: false });

  const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (moves[event.key]) {
      view.x += moves[event.key][0];
      view.y += moves[event.key][1];
      redraw();
    } else if (event.key === "+" || event.key === "=") closer(1.4);
    else if (event.key === "-") closer(1 / 1.4);
    else if (event.key === "0") fit();
    else return;
    moved = true;
    event.preventDefault();
  });
  zoom.addEventListener("click", (event) => {
    const way = event.target.dataset.zoom;
    if (!way) return;
    moved = way !== "fit";
    if (way === "fit") fit();
    else closer(way === "in" ? 1.4 : 1 / 1.4);
  });

  // Expanding a thing that is drawn adds to the picture instead of loading the page again.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-expand]");
    const node = link && nodes.find((one) => one.id === link.closest("#thing").querySelector("[data-node]").dataset.node);
    if (!node || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const address = new URL(link.href);
    history.replaceState(null, "", address);
    const thing = new URL(box.dataset.thing, location.href);
    thing.searchParams.delete("open");
    for (const one of address.searchParams.getAll("open")) thing.searchParams.append("open", one);
    box.dataset.thing = thing.pathname + thing.search;
    busy = busy.then(() => show(`/graph/picture${address.search}`, node)).then(() => choose(node));
  });

  new ResizeObserver(() => (moved ? redraw() : fit())).observe(canvas);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readLook();
    redraw();
  });
  busy = show(box.dataset.source);
})();
