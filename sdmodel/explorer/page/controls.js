// Controls of the constants: sliders with an entry, dates, choices in words, by sector or group.
"use strict";

const Controls = (() => {
  const { $, el, say, spelled, sector, number, toDate, fromDate } = View;
  const MOST_HITS = 12, MOST_OPEN = 12;
  const shows = new Map();  // place of a parameter -> functions that show its value; a constant may have two controls
  let ids = 0;

  // The schedule that a constant follows at present.
  function schedule(page, p) {
    const paths = page.schedules ? page.schedules.paths : [];
    return paths.find(({ name }) => p.name === name || p.name.startsWith(`${name}[`));
  }

  function scheduleText(page, p) {
    const found = schedule(page, p);
    if (!found) return "";
    const when = (t) => (Number.isInteger(t) || !page.model.time.years ? page.timeText(t) : toDate(t));
    return found.at.map((t, i) => `${when(t)}: ${number(found.value[i])}`).join(found.between === "step" ? " | " : " → ");
  }

  // Show the present values; `moved`: the one constant that its control has just set.
  function refresh(page, moved = null) {
    for (const [place, list] of shows) for (const show of list) show(page.values[place], moved && moved.place === place);
  }

  // A value that is round within a thousandth of the range, and the file's own value near it.
  function rounded(p, x, wide) {
    const step = 10 ** Math.floor(Math.log10(wide / 100));
    if (Math.abs(x - p.value) < wide / 200) return p.value;
    return Number((Math.round(x / step) * step).toPrecision(12));
  }

  function choice(page, p, id, about) {
    const options = p.choices.map((text, i) => {
      const n = p.low + i;
      return el("option", { value: n, text: text ? `${n} – ${spelled(text)}` : String(n) });
    });
    const select = el("select", { id, "aria-describedby": about, onchange: () => page.set(p, Number(select.value)) }, ...options);
    return { inputs: [select], entry: null, show: (x) => { select.value = String(x); } };
  }

  // A date beyond the run is never, so the slider ends a little after the run; the entry takes all of the range.
  function slider(page, p, id, about) {
    const after = page.times[page.times.length - 1] + 1, never = p.date && p.high > after && p.low < after;
    const max = never ? after : p.high;
    const range = el("input", {
      type: "range", id, min: p.low, max, step: "any", "aria-describedby": about, "data-name": p.name,
      oninput: () => page.set(p, never && Number(range.value) === max ? p.high : rounded(p, Number(range.value), max - p.low)),
    });
    const shown = (x) => (p.date ? toDate(x) : String(Number(x.toPrecision(10))));
    const entry = el("input", {
      type: p.date ? "date" : "number", min: shown(p.low), max: shown(p.high), step: "any", "aria-label": spelled(p.name),
      // an entry that is empty or no number gives the present value back
      onchange: () => page.set(p, entry.value === "" ? NaN : p.date ? fromDate(entry.value) : Number(entry.value)),
    });
    const show = (x) => {
      if (Number(range.value) !== Math.min(x, max)) range.value = String(x);
      if (document.activeElement !== entry || Number(entry.value) !== x) entry.value = shown(x);
      range.setAttribute("aria-valuetext", p.date ? toDate(x) : `${number(x)} ${spelled(p.unit)}`);
    };
    return { inputs: [range], entry, show };
  }

  function lever(page, p) {
    const id = `c${ids++}`, about = `${id}t`, name = spelled(p.name);
    const end = (x) => (p.date ? toDate(x) : number(x));
    const range = p.stated ? say("range", { low: end(p.low), high: end(p.high) }) : say("rangeOpen");
    const parts = [spelled(p.text), p.unit && `[${spelled(p.unit)}]`, range, p.ids.join(" ")];
    const text = el("p", { id: about, text: parts.filter(Boolean).join(" ") }), follows = el("p", { class: "follows" });
    const back = () => page.set(p, p.value);
    const reset = el("button", { text: say("reset"), "aria-label": `${say("reset")}: ${name}`, onclick: back });
    const { inputs, entry, show } = (p.choices.length ? choice : slider)(page, p, id, about);
    const box = el("div", { class: "lever" },
      el("div", { class: "row" }, el("label", { for: id, class: "name", text: name })),
      el("div", { class: "row" }, entry || el("span"), reset), ...inputs, follows, text);
    let before = null, schedules = "";
    const mark = (x, always = false) => {  // a model has hundreds of controls, and one of them moves
      const planned = scheduleText(page, p);
      if (x === before && planned === schedules && !always) return;
      [before, schedules] = [x, planned];
      show(x);
      follows.textContent = planned && say("follows", { points: planned });
      box.classList.toggle("moved", x !== p.value || planned !== "");
    };
    if (!shows.has(p.place)) shows.set(p.place, []);
    shows.get(p.place).push(mark);
    mark(page.values[p.place]);
    return box;
  }

  // Controls that are made when their group is opened, since a model may have hundreds.
  function group(page, title, list, open) {
    const details = el("details", { open }, el("summary", {}, el("strong", { text: `${title} (${list.length})` })));
    const make = () => {
      if (details.open && details.childElementCount === 1) details.append(...list.map((p) => lever(page, p)));
    };
    details.addEventListener("toggle", make);
    make();
    return details;
  }

  function groups(page, title, list, open) {
    const by = new Map();
    for (const p of list) by.set(p.group, [...(by.get(p.group) || []), p]);
    const parts = [...by].map(([name, some], i) =>
      group(page, sector(name), some, open && (i === 0 || list.length <= MOST_OPEN)));
    return list.length ? [el("h2", { text: title }), ...parts] : [];
  }

  function build(page) {
    shows.clear();
    const { parameters, front } = page.model, known = new Map(parameters.map((p) => [p.name, p]));
    const first = front.levers.map((name) => known.get(name)), role = (name) => parameters.filter((p) => p.role === name);
    const find = el("input", { type: "search", placeholder: say("search"), "aria-label": say("search") }), hits = el("div");
    find.addEventListener("input", () => {
      const text = find.value.trim().toLowerCase();
      const some = parameters.filter((p) => text && `${p.name} ${spelled(p.name)} ${p.text}`.toLowerCase().includes(text));
      hits.replaceChildren(...some.slice(0, MOST_HITS).map((p) => lever(page, p)));
    });
    const reset = el("button", { id: "resetAll", text: say("resetAll"), onclick: () => page.apply(null) });
    $("controls").setAttribute("aria-label", say("levers"));
    $("controls").replaceChildren(el("div", { class: "row" }, reset, find), hits,
      ...(first.length ? [el("h2", { text: say("first") }), ...first.map((p) => lever(page, p))] : []),
      ...groups(page, first.length ? say("more") : say("levers"), role("lever"), !first.length),
      ...groups(page, say("switches"), role("switch"), false),
      ...groups(page, say("uncertainties"), role("uncertainty"), !role("lever").length));
  }

  return { build, refresh, schedule, scheduleText };
})();
