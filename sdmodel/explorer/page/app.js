// The page: its state, the address that holds it, runs, and the band of samples. `page` is handed to all other parts.
"use strict";

const App = (() => {
  const { $, el, say, spelled } = View;
  const FIRST_SAMPLES = 100, MOST_SAMPLES = 500, MOST_CHARTS = 6;
  const SLICE_TIME = 16, REDRAW_TIME = 150, BAND_DELAY = 40, TELL_DELAY = 400;  // milliseconds
  const page = {
    model: null, kernels: [], parameters: new Map(), charts: [], shown: [], base: null, now: null, kept: null, at: 0,
    values: [], scenario: null, schedules: null, bandOn: true, language: "en", runTime: 0, bandTime: 0,
    path, timeText, scenarios, value, set, apply, run, draw, keepAddress, tellLater, MOST_CHARTS,
  };
  let turn = 0, bandTimer = 0, tellTimer = 0, sizeTimer = 0;

  async function start() {
    try {
      page.model = JSON.parse(new TextDecoder().decode(await View.unpacked("payload")));
      page.kernels = await Promise.all(
        page.model.kernels.map(async (spec, i) => Kernel.create(spec, await View.unpacked(`code${i}`))));
    } catch (error) {
      View.problem(`This browser cannot run the model: ${error.message || error}`);
      throw error;
    }
    const { model } = page;
    model.defaults = model.defaults.map((x) => (x === null ? NaN : x));
    model.byName = new Map(model.variables.map((v) => [v.name, v]));
    model.placeOf = new Map(model.labels.map((label, i) => [label, i]));
    model.unitOf = model.labels.map(() => "");
    for (const v of model.variables) for (const place of v.labels) model.unitOf[place] = v.unit;
    page.parameters = new Map(model.parameters.map((p) => [p.place, p]));
    page.times = page.kernels[0].times;
    page.at = page.times.length - 1;
    page.base = page.kernels[0].solve([model.defaults]);
    read();
    build();
    run();
    addEventListener("resize", () => { clearTimeout(sizeTimer); sizeTimer = setTimeout(draw, 100); });
    addEventListener("hashchange", () => { if (location.hash.slice(1) !== written()) { read(); build(); run(); } });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    document.documentElement.dataset.ready = "yes";
  }

  // Values of an output over time, with null for what is not finite.
  function path(result, label) {
    const n = page.times.length, place = page.model.placeOf.get(label);
    return Array.from(result.values.subarray(place * n, (place + 1) * n), (x) => (Number.isFinite(x) ? x : null));
  }

  function value(result, label) { return path(result, label)[page.at]; }
  function timeText(t = page.times[page.at]) { return String(+t.toFixed(4)); }
  function scenarios() { return [...page.model.front.scenarios, ...page.model.scenarios]; }

  // -- state in the address ---------------------------------------------------------------------------------------
  function written() {
    const out = new URLSearchParams();
    for (const [place, p] of page.parameters) {
      if (page.values[place] !== p.value) out.append(`p.${p.name}`, page.values[place]);
    }
    if (page.scenario) out.set("s", page.scenario);
    if (page.schedules) out.set("w", page.schedules.name);
    out.set("o", page.charts.map((c) => c.label).join("|"));
    out.set("t", timeText());
    out.set("l", page.language);
    return out.toString();
  }

  // A frame in a notebook has no address.
  const ADDRESSED = location.protocol !== "about:";
  function keepAddress() { if (ADDRESSED) history.replaceState(null, "", `#${written()}`); }

  function read() {
    const given = new URLSearchParams(location.hash.slice(1)), { model } = page;
    const known = new Map(model.parameters.map((p) => [p.name, p]));
    page.values = model.defaults.slice();
    for (const [name, text] of given) {
      const p = name.startsWith("p.") && known.get(name.slice(2));
      if (p && text !== "" && Number.isFinite(Number(text))) page.values[p.place] = allowed(p, Number(text));
    }
    page.scenario = scenarios().some((s) => s.name === given.get("s")) ? given.get("s") : null;
    page.schedules = scenarios().find((s) => s.paths.length && s.name === given.get("w")) || null;
    const wanted = (given.get("o") || "").split("|").filter((label) => model.placeOf.has(label));
    page.shown = (wanted.length ? wanted : model.front.outcomes.slice(0, 4)).slice(0, MOST_CHARTS);
    const near = page.times.findIndex((t) => Math.abs(t - Number(given.get("t"))) < 1e-3);
    if (given.get("t") && near >= 0) page.at = near;
    const chinese = given.has("l") ? given.get("l") === "zh" : (navigator.language || "").startsWith("zh");
    page.language = chinese ? "zh" : "en";
  }

  // -- what a reader sets -----------------------------------------------------------------------------------------
  // The nearest value that a constant may have.
  function allowed(p, x) {
    const whole = p.choices.length || p.distribution === "integer";
    return Math.min(Math.max(whole ? Math.round(x) : x, p.low), p.high);
  }

  function set(p, x) {
    if (Number.isFinite(x)) page.values[p.place] = allowed(p, x);
    page.scenario = null;
    if (Controls.schedule(page, p)) page.schedules = null;
    Controls.refresh(page, p);
    Results.refresh(page);
    run();
  }

  // Values and schedules of a scenario, or the base run.
  function apply(scenario) {
    page.values = page.model.defaults.slice();
    for (const [place, x] of Object.entries(scenario ? scenario.values : {})) page.values[Number(place)] = x;
    page.scenario = scenario && scenario.name;
    page.schedules = scenario && scenario.paths.length ? scenario : null;
    Controls.refresh(page);
    Results.refresh(page);
    run();
  }

  // -- runs -------------------------------------------------------------------------------------------------------
  function run() {
    const begun = performance.now(), kernel = page.kernels[page.schedules ? page.schedules.kernel : 0];
    page.now = kernel.solve([page.values]);
    const status = page.now.status[0], first = page.times[Math.max(page.now.first[0], 0)];
    View.problem(status === Kernel.FINE ? "" : say(`failed${status}`, { t: timeText(first) }));
    for (const chart of page.charts) chart.band = null;
    draw();
    page.runTime = performance.now() - begun;
    keepAddress();
    tellLater();
    clearTimeout(bandTimer);
    const mine = ++turn;
    bandTimer = setTimeout(() => fill(kernel, () => mine === turn), BAND_DELAY);
  }

  // Fill the band in slices, so that the page answers in between; `current` says whether it is still wanted.
  function fill(kernel, current) {
    const { model, charts } = page, note = $("samples"), drawn = model.parameters.filter((p) => p.sampled);
    note.textContent = drawn.length ? "" : say("noBand");
    if (!page.bandOn || !drawn.length) return;
    const free = drawn.map((p) => page.values[p.place] === p.value && !Controls.schedule(page, p));
    const wanted = charts.map((chart) => model.placeOf.get(chart.label)), n = page.times.length;
    const rows = charts.map(() => []), begun = performance.now();
    let done = 0, size = 8, next = begun + REDRAW_TIME;
    const show = () => {
      const since = performance.now();
      charts.forEach((chart, c) => { if (rows[c].length > 1) chart.band = Band.quantiles(rows[c], [0.05, 0.95]); });
      note.textContent = say("samples", { n: rows[0].length, m: free.filter(Boolean).length });
      draw();
      const now = performance.now();
      next = now + Math.max(REDRAW_TIME, 4 * (now - since));
    };
    const slice = () => {
      if (!current()) return;
      const since = performance.now(), target = done < FIRST_SAMPLES ? FIRST_SAMPLES : MOST_SAMPLES;
      const numbers = Array.from({ length: Math.min(size, target - done) }, (_, i) => done + i);
      const found = kernel.solve(numbers.map((number) => {
        const row = page.values.slice();
        Band.sample(drawn, number).forEach((x, i) => { if (free[i]) row[drawn[i].place] = x; });
        return row;
      }), { numbers, wanted });
      const width = found.wanted.length * n;
      numbers.forEach((_, i) => {
        if (found.status[i] !== Kernel.FINE) return;
        rows.forEach((list, c) => list.push(found.values.subarray(i * width + c * n, i * width + (c + 1) * n)));
      });
      done += numbers.length;
      const now = performance.now();
      if (now - since < SLICE_TIME / 2) size = Math.min(2 * size, 64);
      else if (now - since > 2 * SLICE_TIME) size = Math.max(size / 2, 2);
      if (done === target || now > next) show();
      if (done === FIRST_SAMPLES) page.bandTime = performance.now() - begun;
      if (done < MOST_SAMPLES) setTimeout(slice, done < FIRST_SAMPLES ? 0 : BAND_DELAY);
    };
    slice();
  }

  function draw() {
    if (!page.now) return;
    for (const chart of page.charts) chart.draw();
    Results.draw(page);
    Picture.draw(page);
  }

  function tellLater() {
    clearTimeout(tellTimer);
    tellTimer = setTimeout(() => Results.tell(page), TELL_DELAY);
  }

  // -- the whole page, anew ---------------------------------------------------------------------------------------
  function build() {
    const { model } = page, root = document.documentElement, chinese = page.language === "zh";
    root.lang = chinese ? "zh-CN" : "en";
    View.setWords(model.words[page.language], chinese ? model.front.zh : {});
    document.querySelector("h1").textContent = spelled(model.name);
    document.title = spelled(model.name);
    const share = el("button", { hidden: !ADDRESSED, text: say("share"), onclick: async () => {
      try { await navigator.clipboard.writeText(location.href); share.textContent = say("shared"); }
      catch { prompt(say("share"), location.href); }
    } });
    $("tools").replaceChildren(
      el("button", { id: "language", lang: chinese ? "en" : "zh-CN", text: say("language"), onclick: () => {
        page.language = chinese ? "en" : "zh";
        page.shown = page.charts.map((c) => c.label);
        build();
        run();
        $("language").focus();
      } }),
      el("button", { text: say("theme"), onclick: () => { root.dataset.theme = View.dark() ? "light" : "dark"; draw(); } }),
      share);
    Controls.build(page);
    Results.build(page);
    Picture.build(page);
    Results.refresh(page);
  }

  start();
  return { page };
})();
