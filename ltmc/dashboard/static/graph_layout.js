"use strict";
// Where the things of a picture lie. Runs beside the page, so that the page can be used meanwhile.
//
// Gets {scripts, ends: pairs of positions among the things, places: x and y of each, sizes, ticks, alpha, every, tall: height by width},
// and answers {places, done} now and then.

onmessage = ({ data }) => {
  importScripts(...data.scripts);
  const { forceSimulation, forceLink, forceManyBody, forceCollide, forceX, forceY } = self.d3;
  const nodes = Array.from(data.sizes, (size, at) => ({ x: data.places[2 * at], y: data.places[2 * at + 1], size }));
  const links = [];
  for (let at = 0; at < data.ends.length; at += 2) links.push({ source: data.ends[at], target: data.ends[at + 1] });
  const few = nodes.length < 800;
  const simulation = forceSimulation(nodes)
    .alpha(data.alpha)
    .alphaDecay(1 - 0.002 ** (1 / data.ticks))
    .force("link", forceLink(links).distance(few ? 105 : 50))
    .force("charge", forceManyBody().strength(few ? -420 : -90).distanceMax(few ? 900 : 500).theta(few ? 0.9 : 1.2))
    .force("x", forceX().strength(0.045 * Math.min(2, Math.max(1, data.tall))))
    .force("y", forceY().strength(0.045 * Math.min(2, Math.max(1, 1 / data.tall))))
    .stop();
  if (few) simulation.force("collide", forceCollide((node) => node.size / 2 + 24).iterations(1));
  const tell = (done) => {
    const places = new Float32Array(2 * nodes.length);
    nodes.forEach((node, at) => places.set([node.x, node.y], 2 * at));
    postMessage({ places, done }, [places.buffer]);
  };
  let told = performance.now();
  for (let tick = 0; tick < data.ticks; tick += 1) {
    simulation.tick();
    if (data.every && performance.now() - told > data.every) {
      tell(false);
      told = performance.now();
    }
  }
  tell(true);
};
