"use strict";
// The picture of the graph: what the address in data-source answers, laid out beside the page and drawn in slices, so
// that no slice keeps the page from answering for long.

(() => {
  const box = document.getElementById("picture");
  if (!box) return;
  const canvas = document.getElementById("canvas");
  const state = document.getElementById("picture-state");
  const shapes = {
    resource: "round-rectangle", entity: "ellipse", blueprint: "hexagon", symbol: "diamond", file: "rectangle",
    assignment: "triangle",
  };
  const MANY = 800; // things, from which on the picture is drawn more simply
  const SLICE = 250; // elements that are added at a time
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  let cy;
  let worker;
  let order = []; // the things as the layout numbers them
  let truncated = false;
  let busy = Promise.resolve();
  let moved = false; // by a person: the picture is not moved under their hands

  const pause = () => new Promise((resume) => setTimeout(resume));
  const colour = (element, property = "color") => getComputedStyle(element)[property];

  function look() {
    const ink = colour(box), paper = colour(box, "backgroundColor"), line = colour(box, "borderTopColor");
    const accent = colour(document.querySelector(".sections [aria-current]"));
    const soft = colour(state);
    const style = [
      { selector: "node", style: {
        width: "data(size)", height: "data(size)", label: "data(label)", color: ink, "font-size": 11,
        "font-family": colour(document.body, "fontFamily"), "text-valign": "bottom", "text-margin-y": 4,
        "text-wrap": "ellipsis", "text-max-width": 130, "min-zoomed-font-size": 8,
        "text-outline-color": paper, "text-outline-width": 2, "border-width": 1.5, "border-color": paper } },
      { selector: "edge", style: {
        width: 1.2, "line-color": line, "target-arrow-color": line, "curve-style": "haystack", opacity: 0.9 } },
      { selector: "edge.arrow", style: { "curve-style": "bezier", "target-arrow-shape": "triangle", "arrow-scale": 0.8 } },
      { selector: "node.middle", style: { "border-color": accent, "border-width": 3, "font-weight": "bold", "font-size": 13,
        "min-zoomed-font-size": 0 } },
      { selector: "node.near", style: { "min-zoomed-font-size": 0, "z-index": 9 } },
      { selector: "edge.near", style: { width: 2.2, "line-color": accent, "target-arrow-color": accent, "z-index": 9 } },
      { selector: "edge.arrow.near", style: { label: "data(relation)", color: soft, "font-size": 10, "text-rotation": "autorotate",
        "text-outline-color": paper, "text-outline-width": 2, "min-zoomed-font-size": 7 } },
      { selector: "node:selected", style: { "border-color": accent, "border-width": 4 } },
    ];
    for (const key of document.querySelectorAll("[data-kind]")) {
      const { kind } = key.dataset;
      const style_ = { "background-color": colour(key.firstElementChild), shape: shapes[kind] };
      style.push({ selector: `node[kind = "${kind}"]`, style: style_ });
    }
    return style;
  }

  function start(many) {
    cy = window.cytoscape({
      container: canvas, style: look(), layout: { name: "preset" }, minZoom: 0.03, maxZoom: 3, boxSelectionEnabled: false,
      userZoomingEnabled: false, hideEdgesOnViewport: many, textureOnViewport: many, pixelRatio: many ? 1 : "auto",
    });
    cy.on("tap", "node", (event) => choose(event.target));
    cy.on("dragfree", "node", () => worker?.terminate());
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => cy.style(look()));
  }

  function choose(node) {
    mark(node);
    const address = new URL(box.dataset.thing, location.href);
    address.searchParams.set("node", node.data("node"));
    window.htmx.ajax("GET", address.pathname + address.search, { target: "#thing", swap: "innerHTML" });
  }

  function mark(node) {
    cy.batch(() => {
      cy.elements(".near").removeClass("near");
      node.closedNeighborhood().addClass("near");
    });
    node.select();
  }

  const count = (number, one, many) => `${number.toLocaleString("en").replaceAll(",", " ")} ${number === 1 ? one : many}`;

  function tell() {
    const more = truncated ? " More is within reach: expand a thing, or have more shown." : "";
    state.textContent = `${count(cy.nodes().length, "thing", "things")} and ${count(cy.edges().length, "relation", "relations")} are drawn.${more}`;
  }

  // Adds what is not drawn yet; new things begin beside `from`, else in rings by their steps from the middle.
  async function add(found, from) {
    const many = found.nodes.length > MANY;
    if (!cy) start(many);
    const around = from ? { ...from.position() } : { x: 0, y: 0 };
    const spread = many ? 22 : 46;
    let fresh = 0;
    const nodes = found.nodes.filter((node) => cy.getElementById(`n ${node.id}`).empty()).map((node) => {
      const turn = fresh * 2.39996, far = spread * Math.sqrt(fresh);
      fresh += 1;
      return {
        group: "nodes",
        classes: node.steps === 0 && box.dataset.source.includes("node=") ? "middle" : "",
        data: { id: `n ${node.id}`, node: node.id, kind: node.kind in shapes ? node.kind : "entity", label: node.label,
          size: Math.min(46, 13 + 4 * Math.sqrt(node.degree)) },
        position: { x: around.x + far * Math.cos(turn), y: around.y + far * Math.sin(turn) },
      };
    });
    const links = found.links.filter((link) => cy.getElementById(`e ${link.id}`).empty()).map((link) => ({
      group: "edges",
      classes: many ? "" : "arrow",
      data: { id: `e ${link.id}`, source: `n ${found.nodes[link.source].id}`, target: `n ${found.nodes[link.target].id}`,
        relation: link.relation.replaceAll("_", " ") },
    }));
    const all = [...nodes, ...links];
    for (let at = 0; at < all.length; at += SLICE) {
      cy.add(all.slice(at, at + SLICE));
      if (at === 0) cy.fit(undefined, 30);
      await pause();
    }
    truncated = found.truncated;
    order = cy.nodes().toArray();
    tell();
    return nodes.length;
  }

  function arrange(again) {
    worker?.terminate();
    worker = new Worker(box.dataset.worker);
    const number = new Map(order.map((node, at) => [node.id(), at]));
    const places = new Float32Array(2 * order.length);
    order.forEach((node, at) => places.set([node.position("x"), node.position("y")], 2 * at));
    const ends = Int32Array.from(cy.edges().toArray().flatMap((edge) => [number.get(edge.data("source")), number.get(edge.data("target"))]));
    const many = order.length > MANY;
    box.dataset.state = "arranging";
    return new Promise((done) => {
      worker.onmessage = async ({ data }) => {
        await put(data.places);
        if (!again && !moved) cy.fit(undefined, 30);
        if (data.done) {
          box.dataset.state = "done";
          worker.terminate();
          done();
        }
      };
      worker.postMessage({
        scripts: box.dataset.scripts.split(" ").map((path) => new URL(path, location.href).href),
        ends, places, sizes: Float32Array.from(order, (node) => node.data("size")),
        ticks: many ? 160 : 260, alpha: again ? 0.4 : 1, every: many || still ? 0 : 60,
      });
    });
  }

  async function put(places) {
    for (let at = 0; at < order.length; at += 2 * SLICE) {
      cy.batch(() => {
        order.slice(at, at + 2 * SLICE).forEach((node, offset) => {
          if (!node.grabbed()) node.position({ x: places[2 * (at + offset)], y: places[2 * (at + offset) + 1] });
        });
      });
      if (order.length > MANY) await pause();
    }
  }

  async function get(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    return answer.json();
  }

  async function draw(address, from) {
    try {
      box.hidden = false;
      box.dataset.state = "drawing";
      const fresh = await add(await get(address), from);
      if (from) mark(from);
      if (fresh || !from) await arrange(Boolean(from));
      else box.dataset.state = "done";
    } catch (error) {
      state.textContent = `The picture could not be drawn. ${error.message}`;
      box.dataset.state = "failed";
    }
  }

  // Expanding a thing that is drawn adds to the picture instead of loading the page again.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-expand]");
    const node = link && cy?.getElementById(`n ${link.closest("#thing").querySelector("[data-node]").dataset.node}`);
    if (!node?.nonempty() || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const address = new URL(link.href);
    history.replaceState(null, "", address);
    const thing = new URL(box.dataset.thing, location.href);
    thing.searchParams.delete("open");
    for (const one of address.searchParams.getAll("open")) thing.searchParams.append("open", one);
    box.dataset.thing = thing.pathname + thing.search;
    busy = busy.then(() => draw(`/graph/picture${address.search}`, node)).then(() => choose(node));
  });

  // The wheel scrolls the page until the picture was touched.
  canvas.addEventListener("pointerdown", () => {
    moved = true;
    cy?.userZoomingEnabled(true);
  });
  canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && cy?.userZoomingEnabled(false));
  box.addEventListener("click", (event) => {
    const { zoom } = event.target.dataset;
    moved = moved || Boolean(zoom);
    if (zoom === "fit") cy.fit(undefined, 30);
    else if (zoom) closer(zoom === "in" ? 1.4 : 1 / 1.4);
  });
  const closer = (by) => cy.zoom({ level: cy.zoom() * by, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
  const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  canvas.addEventListener("keydown", (event) => {
    if (!cy || event.ctrlKey || event.metaKey || event.altKey) return;
    if (moves[event.key]) cy.panBy({ x: moves[event.key][0], y: moves[event.key][1] });
    else if (event.key === "+" || event.key === "=") closer(1.4);
    else if (event.key === "-") closer(1 / 1.4);
    else if (event.key === "0") cy.fit(undefined, 30);
    else return;
    event.preventDefault();
  });

  busy = draw(box.dataset.source);
})();
