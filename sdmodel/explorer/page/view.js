// Elements, words, numbers and dates. Texts of a model only ever become text nodes.
"use strict";

const View = (() => {
  let words = {}, names = {};

  const $ = (id) => document.getElementById(id);

  function setWords(chosen, translated) { words = chosen; names = translated; }
  function say(key, values = {}) {
    return (words[key] || key).replace(/\{(\w+)\}/g, (_, name) => (name in values ? values[name] : ""));
  }
  const spelled = (name) => names[name] || name;
  const sector = (name) => names[name] || name.replace(/_/g, " ") || say("general");

  // el("button", { class: "x", onclick: f, text: "..." }, ...children)
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") node.textContent = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }

  function svg(tag, attributes, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  // A message that is read out once; empty for none.
  function problem(text) {
    const box = $("problem");
    if (box.textContent !== text) box.textContent = text;
    box.hidden = !text;
  }

  function number(x) {
    if (x === null || x === undefined || Number.isNaN(x)) return "–";
    const size = Math.abs(x);
    if (size !== 0 && (size >= 1e7 || size < 1e-4)) return x.toExponential(2);
    return x.toLocaleString("en-US", { maximumSignificantDigits: 4 });
  }

  // Difference of two numbers, in percent if the second is not zero, and absolute and in percent.
  const signed = (x) => `${x > 0 ? "+" : ""}${number(x)}`;
  const percent = (now, base) => (base ? `${signed(100 * (now - base) / Math.abs(base))} %` : signed(now - base));
  const apart = (now, base) => `Δ ${signed(now - base)}${base ? ` (${percent(now, base)})` : ""}`;

  const leap = (y) => (y % 4 === 0 && y % 100 !== 0) || y % 400 === 0;

  // 2014-07-01 is 2014 plus days gone over days of the year, as in sdmodel/core/calendar.py.
  function toDate(t) {
    const y = Math.floor(t), day = Math.round((t - y) * (leap(y) ? 366 : 365));
    const date = new Date(Date.UTC(2000, 0, 1));
    date.setUTCFullYear(y, 0, 1 + day);
    return date.toISOString().slice(0, 10);
  }

  function fromDate(text) {
    const date = new Date(`${text}T00:00:00Z`), y = date.getUTCFullYear(), first = new Date(0);
    first.setUTCFullYear(y, 0, 1);
    return y + (date - first) / 864e5 / (leap(y) ? 366 : 365);
  }

  const dark = () => {
    const { theme } = document.documentElement.dataset;
    return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function save(blob, name) {
    const link = el("a", { href: URL.createObjectURL(blob), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // Bytes of a script element that holds compressed base64.
  async function unpacked(id) {
    const text = atob(document.getElementById(id).textContent.trim());
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  return { $, setWords, say, spelled, sector, el, svg, problem, number, percent, apart, toDate, fromDate, dark, color, save, unpacked };
})();
