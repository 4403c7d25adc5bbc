// One chart of an outcome: base, kept and present run, and the band of samples.
"use strict";

class Chart {
  // `page`: its state and functions, see app.js.
  constructor(page, label) {
    const { el, say } = View;
    this.page = page;
    this.label = label;
    this.select = el("select", { "aria-label": say("outcome"), onchange: () => { this.label = this.select.value; page.run(); } });
    const group = (title, names) => {
      const box = el("optgroup", { label: title });
      for (const name of names) box.append(el("option", { value: name, text: View.spelled(name), selected: name === label }));
      return box;
    };
    const first = new Set(page.model.outcomes);
    this.select.append(group(say("outcome"), page.model.outcomes));
    const others = page.model.labels.filter((name) => !first.has(name));
    if (others.length) this.select.append(group(say("others"), others));
    this.plot = el("div", { class: "plot", role: "img" });
    this.figures = el("p", { class: "figures" });
    this.node = el("article", { class: "chart" }, this.select, this.plot, this.figures);
    this.band = null;
  }

  draw() {
    const { page } = this, { times } = page, colors = View.color;
    const base = page.path(page.base, this.label), now = page.path(page.now, this.label);
    const kept = page.kept ? page.path(page.kept, this.label) : times.map(() => null);
    const [low, high] = this.band || [times.map(() => null), times.map(() => null)];
    const data = [times, low, high, base, kept, now];
    const width = this.plot.clientWidth || 320;
    const look = [width, View.dark()].join();
    if (this.uplot && this.look === look) this.uplot.setData(data);
    else {
      if (this.uplot) this.uplot.destroy();
      this.look = look;
      const line = (stroke, width, dash) => ({ stroke: colors(stroke), width, dash, points: { show: false }, spanGaps: false });
      const rule = { stroke: colors("--rule"), width: 1 };
      const axis = { stroke: colors("--ink"), grid: rule, ticks: rule, font: "12px system-ui" };
      this.uplot = new uPlot({
        width, height: 210, legend: { show: false }, cursor: { points: { show: false }, drag: { x: false, y: false } },
        scales: { x: { time: false } },
        axes: [
          { ...axis, values: (_, ticks) => ticks.map((t) => String(+t.toFixed(6))) },
          { ...axis, size: 70, values: (_, ticks) => ticks.map(View.number) },
        ],
        series: [
          {}, line("--band", 0), line("--band", 0), line("--base", 2, [6, 4]), line("--kept", 2, [2, 3]), line("--now", 2.5),
        ],
        bands: [{ series: [2, 1], fill: colors("--band") }],
      }, data, this.plot);
    }
    this.tell();
  }

  // The figures below the chart, which also describe it to those who cannot see it.
  tell() {
    const { page, label } = this, { say, number, spelled } = View, at = (result) => page.value(result, label);
    const now = at(page.now), base = at(page.base), unit = spelled(page.model.unitOf[page.model.placeOf.get(label)]);
    const first = `${page.timeText()}: ${say("now")} ${number(now)} ${unit}`.trim();
    const parts = [first, `${say("base")} ${number(base)}`, View.apart(now, base)];
    if (page.kept) parts.push(`${say("kept")} ${number(at(page.kept))}`);
    if (this.band) parts.push(`${say("band")} ${number(this.band[0][page.at])} – ${number(this.band[1][page.at])}`);
    const text = parts.join("; ");
    this.figures.textContent = text;
    this.plot.setAttribute("aria-label", `${View.spelled(this.label)}. ${text}`);
  }
}
