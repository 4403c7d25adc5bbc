// One chart of an outcome: base, kept and present run, and the band of samples.
"use strict";

class Chart {
  // `owner`: the state and the functions of the page that a chart calls: see app.js.
  constructor(owner, label) {
    const { el, say } = View;
    this.owner = owner;
    this.label = label;
    this.select = el("select", { "aria-label": say("outcome"), onchange: () => { this.label = this.select.value; owner.chartChanged(this); } });
    const group = (title, names) => {
      const box = el("optgroup", { label: title });
      for (const name of names) box.append(el("option", { value: name, text: View.spelled(name), selected: name === label }));
      return box;
    };
    const first = new Set(owner.model.outcomes);
    this.select.append(group(say("outcome"), owner.model.outcomes));
    const others = owner.model.labels.filter((name) => !first.has(name));
    if (others.length) this.select.append(group(say("others"), others));
    this.plot = el("div", { class: "plot", role: "img" });
    this.figures = el("p", { class: "figures" });
    this.node = el("article", { class: "chart" }, this.select, this.plot, this.figures);
    this.band = null;
  }

  draw() {
    const { owner } = this, times = owner.kernel.times, colors = View.color;
    const place = owner.model.labels.indexOf(this.label);
    const base = owner.path(owner.base, place), now = owner.path(owner.now, place);
    const kept = owner.kept ? owner.path(owner.kept, place) : times.map(() => null);
    const [low, high] = this.band || [times.map(() => null), times.map(() => null)];
    const data = [times, low, high, base, kept, now];
    const width = this.plot.clientWidth || 320;
    const look = [width, document.documentElement.dataset.theme, matchMedia("(prefers-color-scheme: dark)").matches].join();
    if (this.uplot && this.look === look) this.uplot.setData(data);
    else {
      if (this.uplot) this.uplot.destroy();
      this.look = look;
      const line = (stroke, width, dash) => ({ stroke: colors(stroke), width, dash, points: { show: false }, spanGaps: false });
      const axis = { stroke: colors("--ink"), grid: { stroke: colors("--rule"), width: 1 }, ticks: { stroke: colors("--rule") }, font: "12px system-ui" };
      this.uplot = new uPlot({
        width, height: 210, legend: { show: false }, cursor: { points: { show: false }, drag: { x: false, y: false } },
        scales: { x: { time: false } },
        axes: [
          { ...axis, values: (_, ticks) => ticks.map((t) => String(+t.toFixed(6))) },
          { ...axis, size: 62, values: (_, ticks) => ticks.map(View.number) },
        ],
        series: [{}, line("--band", 0), line("--band", 0), line("--base", 2, [6, 4]), line("--kept", 2, [2, 3]), line("--now", 2.5)],
        bands: [{ series: [2, 1], fill: colors("--band") }],
      }, data, this.plot);
    }
    this.tell(place);
  }

  // The figures below the chart, which also describe it to those who cannot see it.
  tell(place) {
    const { owner } = this, { say, number } = View, at = owner.at;
    const base = owner.path(owner.base, place)[at], now = owner.path(owner.now, place)[at], apart = now - base;
    const unit = owner.model.unitOf[place];
    const percent = base ? ` (${apart >= 0 ? "+" : ""}${number(100 * apart / Math.abs(base))} %)` : "";
    let text = `${owner.timeText(owner.kernel.times[at])}: ${say("now")} ${number(now)} ${unit}; ${say("base")} ${number(base)}; Δ ${apart >= 0 ? "+" : ""}${number(apart)}${percent}`;
    if (owner.kept) text += `; ${say("kept")} ${number(owner.path(owner.kept, place)[at])}`;
    if (this.band) text += `; ${say("band")} ${number(this.band[0][at])} – ${number(this.band[1][at])}`;
    this.figures.textContent = text;
    this.plot.setAttribute("aria-label", `${View.spelled(this.label)}. ${text}`);
  }
}
