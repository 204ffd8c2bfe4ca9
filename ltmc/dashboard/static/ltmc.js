"use strict";
// What the pages gain from scripts of our own. All of it works without, too.

// Of a form that asks first.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !window.confirm(question)) event.preventDefault();
});

// Ticking all boxes of a list.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  for (const box of event.target.form.querySelectorAll(`input[name="${event.target.dataset.all}"]`)) {
    box.checked = event.target.checked;
  }
});

// What htmx could not get is told instead of lost.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400 && event.detail.xhr.status !== 401) event.detail.shouldSwap = true;
});

// Work in the background is announced when it is done, not at each step.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "job") return;
  event.target.setAttribute("aria-busy", String(event.target.querySelector("progress") !== null));
});
