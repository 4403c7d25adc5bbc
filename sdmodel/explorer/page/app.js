// The page: state, controls, charts, table, the model's variables. Values live in one vector of parameters.
"use strict";

const App = (() => {
  const { el, say, spelled, number, toDate, fromDate } = View;
  const FIRST_SAMPLES = 100, MOST_SAMPLES = 500, SLICE = 8, IDLE = 120;
  const $ = (id) => document.getElementById(id);
  const owner = { charts: [], base: null, now: null, kept: null, at: 0 };
  const controls = new Map();  // place of a parameter -> functions that show its value
  let model, kernel, parameters, values, language = "en", scenario = null, bandOn = true, shown = null, running = 0, timer = 0;

  async function start() {
    try {
      model = JSON.parse(new TextDecoder().decode(await View.unpacked("payload")));
      kernel = await Kernel.create(model.kernel, await View.unpacked("code"));
    } catch (error) {
      $("problem").textContent = `This browser cannot run the model: ${error.message || error}`;
      $("problem").hidden = false;
      throw error;
    }
    model.defaults = model.defaults.map((x) => (x === null ? NaN : x));
    model.byName = new Map(model.variables.map((v) => [v.name, v]));
    model.unitOf = model.labels.map(() => "");
    for (const v of model.variables) for (const place of v.labels) model.unitOf[place] = v.unit;
    parameters = new Map(model.parameters.map((p) => [p.place, p]));
    Object.assign(owner, { model, kernel, path, timeText, chartChanged });
    owner.at = kernel.times.length - 1;
    values = model.defaults.slice();
    owner.base = kernel.solve([values]);
    read();
    build();
    run();
    addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(draw, 100); });
    addEventListener("hashchange", () => { if (location.hash.slice(1) !== written()) { read(); build(); run(); } });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    document.documentElement.dataset.ready = "yes";
  }

  const path = (result, place) => Array.from(result.values.subarray(place * kernel.times.length, (place + 1) * kernel.times.length), (x) => (Number.isFinite(x) ? x : null));
  const timeText = (t) => String(+t.toFixed(4));

  // -- state in the address ---------------------------------------------------------------------------------------
  function written() {
    const out = new URLSearchParams();
    for (const [place, p] of parameters) if (values[place] !== p.value) out.append(`p.${p.name}`, values[place]);
    if (scenario) out.set("s", scenario);
    out.set("o", owner.charts.map((c) => c.label).join("|"));
    out.set("t", timeText(kernel.times[owner.at]));
    out.set("l", language);
    return out.toString();
  }

  function read() {
    const given = new URLSearchParams(location.hash.slice(1));
    const known = new Map(model.parameters.map((p) => [p.name, p]));
    values = model.defaults.slice();
    for (const [name, text] of given) {
      const p = name.startsWith("p.") && known.get(name.slice(2)), value = Number(text);
      if (p && text !== "" && Number.isFinite(value)) values[p.place] = Math.min(Math.max(value, p.low), p.high);
    }
    scenario = all().some((s) => s.name === given.get("s")) ? given.get("s") : null;
    const wanted = (given.get("o") || "").split("|").filter((label) => model.labels.includes(label));
    shown = wanted.length ? wanted.slice(0, 6) : model.front.outcomes.slice(0, 4);
    const t = Number(given.get("t")), near = kernel.times.findIndex((x) => Math.abs(x - t) < 1e-3);
    if (given.get("t") && near >= 0) owner.at = near;
    language = given.get("l") === "zh" || (!given.get("l") && (navigator.language || "").startsWith("zh")) ? "zh" : "en";
  }

  const all = () => [...model.front.scenarios, ...model.scenarios];

  // -- runs -------------------------------------------------------------------------------------------------------
  function run() {
    const begun = performance.now();
    owner.now = kernel.solve([values]);
    const status = owner.now.status[0], problem = $("problem");
    problem.hidden = status === Kernel.FINE;
    if (status !== Kernel.FINE) problem.textContent = say(`failed${status}`, { t: timeText(kernel.times[Math.max(owner.now.first[0], 0)]) });
    for (const chart of owner.charts) chart.band = null;
    draw();
    owner.runTime = performance.now() - begun;
    history.replaceState(null, "", `#${written()}`);
    clearTimeout(run.timer);
    const turn = ++running;
    run.timer = setTimeout(() => { announce(); fill(turn); }, IDLE);
  }

  const uncertain = () => model.parameters.filter((p) => p.sampled && values[p.place] === p.value);

  // Fill the band in slices, so that the page answers in between.
  function fill(turn) {
    const note = $("samples"), drawn = model.parameters.filter((p) => p.sampled);
    if (!bandOn || !drawn.length) { note.textContent = drawn.length ? "" : say("noBand"); return; }
    const held = new Set(drawn.filter((p) => values[p.place] !== p.value).map((p) => p.place));
    const rows = owner.charts.map(() => []), begun = performance.now();
    let done = 0;
    const slice = () => {
      if (turn !== running) return;
      const numbers = Array.from({ length: SLICE }, (_, i) => done + i);
      const some = numbers.map((n) => {
        const row = values.slice();
        Band.sample(drawn, n).forEach((x, i) => { if (!held.has(drawn[i].place)) row[drawn[i].place] = x; });
        return row;
      });
      const found = kernel.solve(some, numbers), width = kernel.outputs * kernel.times.length, n = kernel.times.length;
      owner.charts.forEach((chart, c) => {
        const at = model.labels.indexOf(chart.label) * n;
        some.forEach((_, i) => { if (found.status[i] === Kernel.FINE) rows[c].push(found.values.slice(i * width + at, i * width + at + n)); });
      });
      done += SLICE;
      if (done % (4 * SLICE) === 0 || done >= MOST_SAMPLES || (done >= FIRST_SAMPLES && done < FIRST_SAMPLES + SLICE)) {
        owner.charts.forEach((chart, c) => { if (rows[c].length > 1) chart.band = Band.quantiles(rows[c], [0.05, 0.95]); });
        note.textContent = say("samples", { n: rows[0] ? rows[0].length : 0, m: drawn.length - held.size });
        draw();
        if (!owner.bandTime && done >= FIRST_SAMPLES) owner.bandTime = performance.now() - begun;
      }
      if (done < FIRST_SAMPLES) setTimeout(slice, 0);
      else if (done < MOST_SAMPLES) setTimeout(slice, 40);
    };
    slice();
  }

  function draw() {
    if (!owner.now) return;
    for (const chart of owner.charts) chart.draw();
    $("kept").hidden = !owner.kept;
    table();
    variable();
  }

  function announce() {
    const parts = owner.charts.map((c) => {
      const place = model.labels.indexOf(c.label);
      return say("ran", { name: spelled(c.label), value: number(path(owner.now, place)[owner.at]), unit: model.unitOf[place] });
    });
    $("live").textContent = `${say("ranAll")} ${timeText(kernel.times[owner.at])}. ${parts.join("; ")}`;
  }

  function chartChanged() { run(); }

  // -- controls ---------------------------------------------------------------------------------------------------
  function set(p, value) {
    if (!Number.isFinite(value)) return;
    values[p.place] = Math.min(Math.max(value, p.low), p.high);
    scenario = null;
    for (const show of controls.get(p.place)) show(values[p.place], true);
    refresh();
    run();
  }

  function refresh() {
    for (const [place, shows] of controls) for (const show of shows) show(values[place]);
    for (const button of document.querySelectorAll("[data-scenario]")) button.setAttribute("aria-pressed", String(button.dataset.scenario === (scenario || "")));
    const chosen = all().find((s) => s.name === scenario), box = $("finding");
    box.replaceChildren();
    if (!chosen) return;
    box.append(el("span", { text: spelled(chosen.text) }));
    if (chosen.finding) box.append(el("br"), el("strong", { text: `${say("finding")}: ` }), spelled(chosen.finding));
    if (chosen.link && /^(https:|[\w./-]+(#[\w-]*)?$)/.test(chosen.link)) box.append(" ", el("a", { href: chosen.link, target: "_blank", rel: "noopener", text: say("link") }));
  }

  // Move to a value that is round within a thousandth of the range.
  function rounded(p, value) {
    const step = 10 ** Math.floor(Math.log10((p.high - p.low) / 100));
    const near = Number((Math.round(value / step) * step).toPrecision(12));
    return Math.abs(value - p.value) < (p.high - p.low) / 200 ? p.value : near;
  }

  let ids = 0;
  function lever(p) {
    const id = `c${ids++}`, about = `${id}t`, name = spelled(p.name);
    const range = p.stated ? say("range", { low: p.date ? toDate(p.low) : number(p.low), high: p.date ? toDate(p.high) : number(p.high) }) : say("rangeOpen");
    const text = el("p", { id: about, text: [spelled(p.text), p.unit && `[${p.unit}]`, range, p.ids.join(" ")].filter(Boolean).join(" ") });
    const reset = el("button", { text: say("reset"), "aria-label": `${say("reset")}: ${name}`, onclick: () => set(p, p.value) });
    const box = el("div", { class: "lever" });
    let show;
    if (p.choices.length) {
      const select = el("select", { id, "aria-describedby": about, onchange: () => set(p, Number(select.value)) });
      p.choices.forEach((choice, i) => select.append(el("option", { value: p.low + i, text: choice ? `${p.low + i} – ${spelled(choice)}` : String(p.low + i) })));
      box.append(el("div", { class: "row" }, el("label", { for: id, class: "name", text: name }), reset), select, text);
      show = (x) => { select.value = String(x); };
    } else {
      const slider = el("input", { type: "range", id, min: p.low, max: p.high, step: "any", "aria-describedby": about, "data-name": p.name, oninput: () => set(p, rounded(p, Number(slider.value))) });
      const entry = p.date
        ? el("input", { type: "date", min: toDate(p.low), max: toDate(p.high), "aria-label": name, onchange: () => entry.value && set(p, fromDate(entry.value)) })
        : el("input", { type: "number", min: p.low, max: p.high, step: "any", "aria-label": name, onchange: () => set(p, Number(entry.value)) });
      box.append(el("div", { class: "row" }, el("label", { for: id, class: "name", text: name })), el("div", { class: "row" }, entry, reset), slider, text);
      show = (x) => {
        if (Number(slider.value) !== x) slider.value = String(x);
        if (document.activeElement !== entry || Number(entry.value) !== x) entry.value = p.date ? toDate(x) : String(Number(x.toPrecision(10)));
        slider.setAttribute("aria-valuetext", p.date ? toDate(x) : `${number(x)} ${p.unit}`);
      };
    }
    let before = null;
    const mark = (x, always = false) => {  // a model has hundreds of controls, and one of them moves
      if (x === before && !always) return;
      before = x;
      show(x);
      box.classList.toggle("moved", x !== p.value);
    };
    if (!controls.has(p.place)) controls.set(p.place, []);
    controls.get(p.place).push(mark);
    mark(values[p.place]);
    return box;
  }

  // Levers that are made when their group is opened, since a model may have hundreds.
  function group(title, list, open = false) {
    const details = el("details", { open }, el("summary", {}, el("strong", { text: `${title} (${list.length})` })));
    const fillIt = () => { if (details.open && details.childElementCount === 1) for (const p of list) details.append(lever(p)); };
    details.addEventListener("toggle", fillIt);
    if (open) fillIt();
    return details;
  }

  function groups(title, list, open) {
    const by = new Map();
    for (const p of list) by.set(p.group, [...(by.get(p.group) || []), p]);
    const parts = [...by].map(([name, some], i) => group(spelled(name) || say("general"), some, open && (i === 0 || list.length <= 12)));
    return list.length ? [el("h2", { text: title }), ...parts] : [];
  }

  function buildControls() {
    controls.clear();
    const known = new Map(model.parameters.map((p) => [p.name, p]));
    const first = model.front.levers.map((name) => known.get(name));
    const role = (name) => model.parameters.filter((p) => p.role === name);
    const find = el("input", { type: "search", placeholder: say("search"), "aria-label": say("search") }), hits = el("div");
    find.addEventListener("input", () => {
      const text = find.value.trim().toLowerCase();
      const some = text ? model.parameters.filter((p) => `${p.name} ${spelled(p.name)} ${p.text}`.toLowerCase().includes(text)).slice(0, 12) : [];
      hits.replaceChildren(...some.map(lever));
    });
    $("controls").replaceChildren(
      el("div", { class: "row" }, el("button", { id: "resetAll", text: say("resetAll"), onclick: () => apply(null) }), find), hits,
      ...(first.length ? [el("h2", { text: say("first") }), ...first.map(lever)] : []),
      ...groups(first.length ? say("more") : say("levers"), role("lever"), !first.length),
      ...groups(say("switches"), role("switch"), false), ...groups(say("uncertainties"), role("uncertainty"), !role("lever").length));
  }

  function apply(chosen) {
    values = model.defaults.slice();
    if (chosen) for (const [place, x] of Object.entries(chosen.values)) values[Number(place)] = x;
    scenario = chosen ? chosen.name : null;
    refresh();
    run();
  }

  // -- results ----------------------------------------------------------------------------------------------------
  function addChart(label) {
    const chart = new Chart(owner, label);
    owner.charts.push(chart);
    $("charts").append(chart.node);
  }

  function buildResults() {
    const button = (name, text, extra) => el("button", { "data-scenario": name, "aria-pressed": "false", text, ...extra });
    const scenarios = el("div", { class: "row", role: "group", "aria-label": say("scenarios") }, button("", say("base"), { onclick: () => apply(null) }));
    for (const s of all()) scenarios.append(button(s.name, spelled(s.name), { title: s.text, onclick: () => apply(s) }));
    const slider = el("input", { type: "range", id: "at", min: 0, max: kernel.times.length - 1, step: 1, value: owner.at, oninput: () => { owner.at = Number(slider.value); told(); draw(); clearTimeout(run.timer2); run.timer2 = setTimeout(() => { announce(); history.replaceState(null, "", `#${written()}`); }, IDLE); } });
    const when = el("output", { for: "at" });
    const told = () => { when.textContent = timeText(kernel.times[owner.at]); slider.setAttribute("aria-valuetext", when.textContent); };
    told();
    const key = (name, color, id) => el("span", { class: "key", id }, el("i", { style: `border-color: var(${color})` }), name);
    const tick = el("input", { type: "checkbox", id: "bandOn", onchange: () => { bandOn = tick.checked; run(); } });
    tick.checked = bandOn;
    $("results").replaceChildren(
      el("h2", { text: say("scenarios") }), scenarios, el("p", { class: "note", id: "finding" }),
      el("div", { class: "row" },
        el("button", { text: say("keep"), onclick: () => { owner.kept = owner.now; draw(); } }),
        el("button", { text: say("forget"), onclick: () => { owner.kept = null; draw(); } }),
        el("button", { text: say("addChart"), onclick: () => { if (owner.charts.length < 6) { addChart(model.outcomes.find((o) => !owner.charts.some((c) => c.label === o)) || model.labels[0]); run(); } } }),
        el("button", { text: say("removeChart"), onclick: () => { if (owner.charts.length > 1) { owner.charts.pop().node.remove(); run(); } } }),
        el("button", { text: say("csv"), onclick: saveCsv }), el("button", { text: say("png"), onclick: savePng })),
      el("div", { class: "at" }, el("label", { for: "at", text: say("valuesAt") }), slider, when),
      el("p", { id: "money", class: "note" }),
      el("div", {}, key(say("now"), "--now"), key(say("base"), "--base"), key(say("kept"), "--kept", "kept"), key(say("band"), "--band"), el("label", { class: "key" }, tick, say("bandOn"))),
      el("p", { id: "samples", class: "note" }),
      el("div", { class: "charts", id: "charts" }),
      el("details", { id: "tableBox", ontoggle: table }, el("summary", { text: say("table") }), el("div", { class: "scroll", id: "table", tabindex: "0" })),
      el("p", { id: "live", class: "hidden", "aria-live": "polite" }));
    owner.charts = [];
    for (const label of shown) addChart(label);
  }

  function columns() {
    const runs = [[say("base"), owner.base], [say("now"), owner.now], ...(owner.kept ? [[say("kept"), owner.kept]] : [])];
    return owner.charts.flatMap((chart) => {
      const place = model.labels.indexOf(chart.label);
      const lines = runs.map(([name, result]) => [`${chart.label} – ${name} [${model.unitOf[place]}]`, path(result, place)]);
      if (chart.band) lines.push([`${chart.label} – 5 %`, chart.band[0]], [`${chart.label} – 95 %`, chart.band[1]]);
      return lines;
    });
  }

  function table() {
    const { money } = model.front;
    if (money) {
      const place = model.labels.indexOf(money), base = path(owner.base, place)[owner.at], now = path(owner.now, place)[owner.at];
      $("money").textContent = `${say("money")} – ${spelled(money)}, ${timeText(kernel.times[owner.at])}: ${say("now")} ${number(now)} ${model.unitOf[place]}; ${say("base")} ${number(base)}; Δ ${number(now - base)}`;
    }
    if (!$("tableBox").open) return;
    const lines = columns(), head = el("tr", {}, el("th", { scope: "col", text: say("time") }), ...lines.map(([name]) => el("th", { scope: "col", text: name })));
    const rows = kernel.times.map((t, i) => el("tr", {}, el("th", { scope: "row", text: timeText(t) }), ...lines.map(([, x]) => el("td", { text: number(x[i]) }))));
    $("table").replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)));
  }

  function saveCsv() {
    const lines = columns(), quoted = (text) => `"${String(text).replace(/"/g, '""').replace(/^[=+\-@]/, "'$&")}"`;
    const rows = [["time", ...lines.map(([name]) => name)].map(quoted), ...kernel.times.map((t, i) => [t, ...lines.map(([, x]) => (x[i] === null ? "" : x[i]))])];
    View.save(new Blob([`\ufeff${rows.map((row) => row.join()).join("\n")}\n`], { type: "text/csv" }), `${model.name}.csv`);
  }

  function savePng() {
    const all = owner.charts.map((c) => [c.label, c.plot.querySelector("canvas")]), wide = Math.max(...all.map(([, c]) => c.width));
    const tall = Math.max(...all.map(([, c]) => c.height)) + 40, across = Math.min(2, all.length);
    const sheet = el("canvas", { width: wide * across, height: tall * Math.ceil(all.length / across) }), pen = sheet.getContext("2d");
    pen.fillStyle = View.color("--paper");
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.fillStyle = View.color("--ink");
    pen.font = `${16 * devicePixelRatio}px system-ui`;
    all.forEach(([name, canvas], i) => {
      const x = (i % across) * wide, y = Math.floor(i / across) * tall;
      pen.fillText(spelled(name), x + 8, y + 26);
      pen.drawImage(canvas, x, y + 36);
    });
    sheet.toBlob((blob) => View.save(blob, `${model.name}.png`));
  }

  // -- the model: sectors with their stocks, and one variable with causes and uses ---------------------------------
  let selected = null;
  const last = (v) => (v.labels.length === 1 ? number(path(owner.now, v.labels[0])[owner.at]) : v.labels.length ? `[${v.labels.length}]` : "");
  const go = (v) => { selected = v.name; $("modelBox").open = true; variable(); $("variable").scrollIntoView({ block: "nearest" }); $("variable").focus(); };
  const named = (v) => el("button", { onclick: () => go(v) }, el("span", { text: spelled(v.name) }), el("span", { text: last(v) }));

  function variable() {
    const box = $("modelBox");
    if (!box || !box.open || !owner.now) return;
    const by = new Map();
    for (const v of model.variables) by.set(v.sector, [...(by.get(v.sector) || []), v]);
    $("mapTitle").textContent = say("map", { t: timeText(kernel.times[owner.at]) });
    $("map").replaceChildren(...[...by].map(([name, list]) => {
      const from = new Set(list.flatMap((v) => v.causes).map((c) => (model.byName.get(c) || { sector: name }).sector).filter((s) => s !== name));
      const note = `${list.filter((v) => v.kind === "stock").length} ${say("stocks")}${from.size ? `; ${say("inputsFrom")} ${[...from].map(spelled).join(", ")}` : ""}`;
      return el("div", { class: "sector" }, el("h3", { text: spelled(name) || say("general") }), el("p", { class: "note", text: note }), ...list.filter((v) => v.kind === "stock").map(named));
    }));
    const v = model.byName.get(selected) || model.byName.get(owner.charts[0].label.replace(/\[.*\]$/, "")) || model.variables[0];
    const fact = (name, text) => el("p", {}, el("strong", { text: `${say(name)}: ` }), text || say("none"));
    const links = (title, list) => el("div", { class: "links" }, el("h3", { text: say(title) }), ...list.map((n) => model.byName.get(n)).filter(Boolean).map(named));
    const p = model.parameters.filter((q) => q.name === v.name || q.name.startsWith(`${v.name}[`));
    $("variable").replaceChildren(el("div", { class: "around" }, links("causes", v.causes),
      el("div", { class: "centre" }, el("h3", { text: `${spelled(v.name)}${last(v) ? ` = ${last(v)}` : ""}` }), el("p", { text: spelled(v.text) }),
        el("p", {}, el("strong", { text: `${say("equation")}: ` }), el("code", { text: v.equation })), fact("unit", v.unit), fact("source", v.source), fact("kind", v.kind),
        ...v.labels.slice(0, 12).map((place) => el("p", { class: "note", text: `${model.labels[place]} = ${number(path(owner.now, place)[owner.at])}` })),
        ...p.slice(0, 12).map((q) => el("p", { class: "note", text: `${q.name} = ${number(values[q.place])}` }))),
      links("uses", v.uses)));
  }

  function buildModel() {
    const list = el("datalist", { id: "names" }, ...model.variables.map((v) => el("option", { value: v.name })));
    const find = el("input", { type: "search", list: "names", placeholder: say("search"), "aria-label": say("search"), onchange: () => { const v = model.byName.get(find.value); if (v) go(v); } });
    $("model").replaceChildren(el("details", { id: "modelBox", ontoggle: variable }, el("summary", {}, el("strong", { text: `${say("model")} (${model.variables.length})` })),
      list, find, el("div", { id: "variable", tabindex: "-1" }), el("h2", { id: "mapTitle" }), el("div", { id: "map", class: "map" })));
  }

  function build() {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    View.setWords(model.words[language], language === "zh" ? model.front.zh : {});
    document.querySelector("h1").textContent = spelled(model.name);
    const open = $("modelBox") && $("modelBox").open;
    if (owner.charts.length) shown = shown || owner.charts.map((c) => c.label);
    const share = el("button", { text: say("share"), onclick: async () => {
      try { await navigator.clipboard.writeText(location.href); share.textContent = say("shared"); } catch { prompt(say("share"), location.href); }
    } });
    $("tools").replaceChildren(
      el("button", { id: "language", text: say("language"), onclick: () => { language = language === "zh" ? "en" : "zh"; shown = owner.charts.map((c) => c.label); build(); run(); } }),
      el("button", { text: say("theme"), onclick: () => {
        const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
        root.dataset.theme = dark ? "light" : "dark";
        draw();
      } }), share);
    buildControls();
    buildResults();
    buildModel();
    $("modelBox").open = Boolean(open);
    shown = null;
    refresh();
  }

  start();
  return { owner, values: () => values, uncertain };
})();
