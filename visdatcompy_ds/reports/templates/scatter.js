"use strict";
const points = JSON.parse(document.getElementById("data").textContent);
const canvas = document.getElementById("plot"), tip = document.getElementById("tip"), pen = canvas.getContext("2d");
const view = { scale: 1, x: 0, y: 0 };
let held = -1, drag = null;
const place = (p) => {
  const w = canvas.clientWidth, h = canvas.clientHeight, m = 24;
  return [m + (p.x * view.scale + view.x) * (w - 2 * m), m + ((1 - p.y) * view.scale + view.y) * (h - 2 * m)];
};
function draw() {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * ratio; canvas.height = canvas.clientHeight * ratio;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  points.forEach((p, k) => {
    const [x, y] = place(p);
    pen.beginPath(); pen.arc(x, y, k === held ? 8 : p.r, 0, 7); pen.fillStyle = p.c; pen.fill();
    if (k === held) { pen.strokeStyle = getComputedStyle(canvas).color; pen.lineWidth = 2; pen.stroke(); }
  });
}
function show(k) {
  held = k; draw();
  tip.hidden = k < 0;
  if (k < 0) return;
  const p = points[k], [x, y] = place(p);
  tip.textContent = "";
  if (p.i) { const img = document.createElement("img"); img.src = "data:image/jpeg;base64," + p.i; img.alt = ""; img.style.aspectRatio = p.a; tip.append(img); }
  const words = document.createElement("span"); words.textContent = p.n; tip.append(words);
  if (p.w) { const why = document.createElement("div"); why.className = "soft"; why.textContent = p.w; tip.append(why); }
  tip.style.left = Math.min(x + 14, canvas.clientWidth - tip.offsetWidth - 4) + "px";
  tip.style.top = Math.max(0, Math.min(y + 14, canvas.clientHeight - tip.offsetHeight - 4)) + "px";
}
function nearest(event) {
  const box = canvas.getBoundingClientRect(), mx = event.clientX - box.left, my = event.clientY - box.top;
  let best = -1, least = 196;
  points.forEach((p, k) => { const [x, y] = place(p), d = (x - mx) ** 2 + (y - my) ** 2; if (d <= least) { least = d; best = k; } });
  return best;
}
canvas.addEventListener("pointermove", (event) => {
  if (drag) {
    view.x = drag.x + (event.clientX - drag.cx) / (canvas.clientWidth - 48); view.y = drag.y + (event.clientY - drag.cy) / (canvas.clientHeight - 48);
    show(-1);
  } else show(nearest(event));
});
canvas.addEventListener("pointerdown", (event) => { drag = { x: view.x, y: view.y, cx: event.clientX, cy: event.clientY }; canvas.setPointerCapture(event.pointerId); });
canvas.addEventListener("pointerup", (event) => { drag = null; show(nearest(event)); });
canvas.addEventListener("pointerleave", () => { if (!drag) show(-1); });
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = canvas.getBoundingClientRect(), fx = (event.clientX - box.left - 24) / (canvas.clientWidth - 48), fy = (event.clientY - box.top - 24) / (canvas.clientHeight - 48);
  const by = Math.min(40, Math.max(1, view.scale * (event.deltaY < 0 ? 1.2 : 1 / 1.2))) / view.scale;
  view.x = fx - (fx - view.x) * by; view.y = fy - (fy - view.y) * by; view.scale *= by;
  if (view.scale === 1) { view.x = 0; view.y = 0; }
  show(nearest(event));
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const chosen = points.map((p, k) => k).filter((k) => points[k].k);
  if (!step || !chosen.length) return;
  event.preventDefault();
  const at = chosen.indexOf(held);
  show(chosen[at < 0 ? 0 : (at + step + chosen.length) % chosen.length]);
});
window.addEventListener("resize", () => show(held));
draw();
