// Scenarios, charts, values at a time, money, the table, and what can be saved.
"use strict";

const Results = (() => {
  const { $, el, say, spelled, number } = View;
  const LINK = /^(https:\/\/\S+|(\.\.?\/)*[\w-][\w.\/#%-]*)$/;  // an address of the web, or a file beside the page

  function addChart(page, label) {
    const chart = new Chart(page, label);
    page.charts.push(chart);
    $("charts").append(chart.node);
  }

  const button = (text, onclick) => el("button", { text, onclick });

  function scenarioButtons(page) {
    const make = (name, text, title, scenario) =>
      el("button", { "data-scenario": name, "aria-pressed": "false", text, title, onclick: () => page.apply(scenario) });
    return el("div", { class: "row", role: "group", "aria-label": say("scenarios") }, make("", say("base"), null, null),
      ...page.scenarios().map((s) => make(s.name, spelled(s.name), spelled(s.text), s)));
  }

  function chartButtons(page) {
    const { outcomes, labels } = page.model;
    const free = () => outcomes.find((o) => !page.charts.some((c) => c.label === o)) || labels[0];
    return el("div", { class: "row" },
      button(say("keep"), () => { page.kept = page.now; page.draw(); }),
      button(say("forget"), () => { page.kept = null; page.draw(); }),
      button(say("addChart"), () => { if (page.charts.length < page.MOST_CHARTS) { addChart(page, free()); page.run(); } }),
      button(say("removeChart"), () => { if (page.charts.length > 1) { page.charts.pop().node.remove(); page.run(); } }),
      button(say("csv"), () => saveCsv(page)), button(say("png"), () => savePng(page)));
  }

  function timeSlider(page) {
    const when = el("output", { for: "at" });
    const slider = el("input", {
      type: "range", id: "at", min: 0, max: page.times.length - 1, step: 1, value: page.at,
      oninput: () => { page.at = Number(slider.value); showTime(); page.draw(); page.keepAddress(); page.tellLater(); },
    });
    const showTime = () => { when.textContent = page.timeText(); slider.setAttribute("aria-valuetext", page.timeText()); };
    showTime();
    return el("div", { class: "at" }, el("label", { for: "at", text: say("valuesAt") }), slider, when);
  }

  function keys(page) {
    const key = (name, kind, id) => el("span", { class: `key ${kind}`, id }, el("i"), name);
    const tick = el("input", { type: "checkbox", onchange: () => { page.bandOn = tick.checked; page.run(); } });
    tick.checked = page.bandOn;
    return el("div", {}, key(say("now"), "now"), key(say("base"), "base"), key(say("kept"), "kept", "kept"),
      key(say("band"), "band"), el("label", { class: "key" }, tick, say("bandOn")));
  }

  function build(page) {
    $("results").setAttribute("aria-label", say("charts"));
    $("results").replaceChildren(
      el("h2", { text: say("scenarios") }), scenarioButtons(page), el("p", { class: "note", id: "finding" }),
      chartButtons(page), timeSlider(page), el("p", { id: "money" }), keys(page), el("p", { id: "samples", class: "note" }),
      el("div", { class: "charts", id: "charts" }),
      el("details", { id: "tableBox", ontoggle: () => draw(page) }, el("summary", { text: say("table") }),
        el("div", { class: "scroll", id: "table", tabindex: "0", role: "region", "aria-label": say("table") })),
      el("div", { id: "strip", "aria-hidden": "true" }), el("p", { id: "live", class: "hidden", "aria-live": "polite" }));
    page.charts = [];
    for (const label of page.shown) addChart(page, label);
  }

  // Which scenario is chosen, and what is known of it.
  function refresh(page) {
    const chosen = page.scenarios().find((s) => s.name === page.scenario), box = $("finding");
    const base = !page.scenario && page.model.parameters.every((p) => page.values[p.place] === p.value) && !page.schedules;
    for (const node of document.querySelectorAll("[data-scenario]")) {
      const pressed = node.dataset.scenario === "" ? base : node.dataset.scenario === page.scenario;
      node.setAttribute("aria-pressed", String(pressed));
    }
    box.replaceChildren();
    if (!chosen) return;
    const line = (title, text) => text && box.append(el("br"), el("strong", { text: `${say(title)}: ` }), spelled(text));
    box.append(spelled(chosen.text));
    for (const { name } of chosen.paths) {
      line("schedule", `${spelled(name)}: ${Controls.scheduleText(page, { name })}`);
    }
    line("question", chosen.asks);
    line("finding", chosen.finding);
    if (LINK.test(chosen.link || "")) {
      box.append(el("br"), el("a", { href: chosen.link, target: "_blank", rel: "noopener", text: say("link") }));
    }
  }

  function draw(page) {
    $("kept").hidden = !page.kept;
    const { money } = page.model.front, when = page.timeText();
    if (money) {
      const base = page.value(page.base, money), now = page.value(page.now, money);
      const unit = spelled(page.model.unitOf[page.model.placeOf.get(money)]);
      const kept = page.kept ? `; ${say("kept")} ${number(page.value(page.kept, money))}` : "";
      $("money").replaceChildren(el("strong", { text: `${spelled(money)}, ${when}: ` }),
        `${say("now")} ${number(now)} ${unit}; ${say("base")} ${number(base)}; ${View.apart(now, base)}${kept}`);
    }
    // on a phone the charts are out of sight while a lever moves: the figures stay at the foot of the window
    $("strip").replaceChildren(...[...page.charts.map((chart) => chart.label), ...(money ? [money] : [])].map((label) => {
      const now = page.value(page.now, label), base = page.value(page.base, label);
      return el("span", { text: `${spelled(label)} ${number(now)} Δ ${View.percent(now, base)}` });
    }));
    if ($("tableBox").open) $("table").replaceChildren(table(page));
  }

  // Columns of the table: title and values over time.
  function columns(page) {
    const runs = [["base", page.base], ["now", page.now], ["kept", page.kept]].filter(([, result]) => result);
    return page.charts.flatMap(({ label, band }) => {
      const unit = spelled(page.model.unitOf[page.model.placeOf.get(label)]);
      const title = (part) => `${spelled(label)} – ${part}${unit && ` [${unit}]`}`;
      const lines = runs.map(([name, result]) => [title(say(name)), page.path(result, label)]);
      return band ? [...lines, [title("5 %"), band[0]], [title("95 %"), band[1]]] : lines;
    });
  }

  function table(page) {
    const lines = columns(page);
    const head = [say("time"), ...lines.map(([name]) => name)].map((text) => el("th", { scope: "col", text }));
    const rows = page.times.map((t, i) => el("tr", {}, el("th", { scope: "row", text: page.timeText(t) }),
      ...lines.map(([, x]) => el("td", { text: number(x[i]) }))));
    return el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
  }

  function saveCsv(page) {
    const lines = columns(page);
    // a text that begins like a formula is not to be one in a spreadsheet
    const quoted = (text) => `"${String(text).replace(/"/g, '""').replace(/^[=+\-@]/, "'$&")}"`;
    const rows = page.times.map((t, i) => [t, ...lines.map(([, x]) => (x[i] === null ? "" : x[i]))]);
    const head = ["time", ...lines.map(([name]) => name)].map(quoted);
    const text = `\ufeff${[head, ...rows].map((row) => row.join()).join("\n")}\n`;
    View.save(new Blob([text], { type: "text/csv" }), `${page.model.name}.csv`);
  }

  function savePng(page) {
    const pictures = page.charts.map((chart) => [chart.label, chart.plot.querySelector("canvas")]);
    const scale = devicePixelRatio, top = 30 * scale, across = Math.min(2, pictures.length);
    const wide = Math.max(...pictures.map(([, c]) => c.width)), tall = Math.max(...pictures.map(([, c]) => c.height)) + top;
    const sheet = el("canvas", { width: wide * across, height: tall * Math.ceil(pictures.length / across) + top });
    const pen = sheet.getContext("2d");
    pen.fillStyle = View.color("--paper");
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.font = `${15 * scale}px system-ui`;
    pictures.forEach(([label, canvas], i) => {
      const x = (i % across) * wide, y = Math.floor(i / across) * tall;
      pen.fillStyle = View.color("--ink");
      pen.fillText(spelled(label), x + 8 * scale, y + 20 * scale);
      pen.drawImage(canvas, x, y + top);
    });
    const shown = [["now", "--now"], ["base", "--base"], ...(page.kept ? [["kept", "--kept"]] : [])];
    let x = 8 * scale;
    for (const [name, color] of shown) {
      pen.fillStyle = View.color(color);
      pen.fillText(`— ${say(name)}`, x, sheet.height - 10 * scale);
      x += pen.measureText(`— ${say(name)}   `).width;
    }
    sheet.toBlob((blob) => View.save(blob, `${page.model.name}.png`));
  }

  // Say the values aloud, where a screen reader listens.
  function tell(page) {
    const parts = page.charts.map(({ label }) => {
      const unit = page.model.unitOf[page.model.placeOf.get(label)];
      return say("ran", { name: spelled(label), value: number(page.value(page.now, label)), unit: spelled(unit) });
    });
    $("live").textContent = `${say("ranAll")} ${page.timeText()}. ${parts.join("; ")}`;
  }

  return { build, refresh, draw, tell };
})();
