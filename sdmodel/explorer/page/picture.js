// The model: a map with present values, and one variable with its causes and uses.
"use strict";

const Picture = (() => {
  const { $, el, say, spelled, sector, number } = View;
  const MOST_NODES = 16, MOST_VALUES = 12, TALL = 62;
  let selected = null, live = [], fixed = [], boxes = [], width = 0;  // lists of what follows the present run

  const text = (page, v) => {
    const one = page.model.parameters.find((p) => p.name === v.name);
    if (one) return Controls.scheduleText(page, one) ? "…" : number(page.values[one.place]);
    if (v.labels.length === 1) return number(page.value(page.now, page.model.labels[v.labels[0]]));
    return v.labels.length ? `[${v.labels.length}]` : "";
  };

  // An element whose text follows the present run.
  function following(list, tag, make) {
    const node = el(tag);
    list.push(() => { node.textContent = make(); });
    return node;
  }

  function named(page, list, v) {
    return el("button", { onclick: () => select(page, v) }, el("span", { text: spelled(v.name) }),
      following(list, "span", () => text(page, v)));
  }

  function select(page, v) {
    selected = v.name;
    $("modelBox").open = true;
    variable(page);
    draw(page);
    $("variable").scrollIntoView({ block: "nearest" });
    $("variable").focus();
  }

  // -- the map ----------------------------------------------------------------------------------------------------
  function bySector(page) {
    const by = new Map();
    for (const v of page.model.variables) by.set(v.sector, [...(by.get(v.sector) || []), v]);
    return by;
  }

  // Stocks on which a variable rests at the same time, through auxiliaries.
  function stocksBehind(page, names) {
    const seen = new Set(), found = new Set(), todo = [...names];
    while (todo.length) {
      const v = page.model.byName.get(todo.pop());
      if (!v || seen.has(v.name)) continue;
      seen.add(v.name);
      if (v.kind === "stock") found.add(v.name); else todo.push(...v.causes);
    }
    return found;
  }

  // Boxes (key, name, line below it, what a click does) and arrows (from, to, how broad). The boxes are the sectors; of a
  // model of one sector the variables if they are few, or else the stocks.
  function graph(page) {
    const by = bySector(page), { variables, byName } = page.model;
    if (by.size > 1) {
      const counts = new Map();
      for (const v of variables) {
        if (v.kind === "constant") continue;
        const readers = new Set(v.uses.map((name) => byName.get(name)).filter(Boolean).map((user) => user.sector));
        readers.delete(v.sector);
        for (const to of readers) {
          const pair = `${v.sector}\n${to}`;
          counts.set(pair, (counts.get(pair) || 0) + 1);
        }
      }
      const nodes = [...by].map(([key, list]) => {
        const stocks = list.filter((v) => v.kind === "stock"), one = stocks.find((v) => v.labels.length === 1);
        const below = () => (one ? `${spelled(one.name)} ${text(page, one)}` : `${stocks.length} ${say("stocks")}`);
        const go = () => {
          const card = $(`s${[...by.keys()].indexOf(key)}`);
          card.scrollIntoView({ block: "nearest" });
          card.focus();
        };
        return { key, name: sector(key), below, go };
      });
      return { nodes, arrows: [...counts].map(([pair, count]) => [...pair.split("\n"), count]) };
    }
    const moving = variables.filter((v) => v.labels.length), stocks = moving.filter((v) => v.kind === "stock");
    const few = moving.length <= MOST_NODES, chosen = few ? moving : stocks, keys = new Set(chosen.map((v) => v.name));
    const nodes = chosen.map((v) => ({
      key: v.name, name: spelled(v.name), kind: v.kind, below: () => text(page, v), go: () => select(page, v),
    }));
    const from = (v) => (few ? v.causes : [...stocksBehind(page, v.causes)]).filter((name) => name !== v.name && keys.has(name));
    // what fills and drains a stock is drawn broad
    return { nodes, arrows: chosen.flatMap((v) => from(v).map((name) => [name, v.name, few && v.kind === "stock" ? 2 : 1])) };
  }

  // Boxes on an ellipse, in pixels, with arrows between them that are as broad as the variables they stand for.
  function map(page, wide) {
    const { nodes, arrows } = graph(page), box = $("map");
    boxes = [];
    box.hidden = nodes.length < 2 || nodes.length > MOST_NODES;
    if (box.hidden) return;
    const w = Math.min(Math.max(wide / 4.4, 104), 210), high = Math.max(260, nodes.length * (wide < 600 ? 74 : 50));
    const spots = new Map(nodes.map(({ key }, i) => {
      const angle = 2 * Math.PI * i / nodes.length - Math.PI / 2;
      return [key, [wide / 2 + (wide - w - 4) / 2 * Math.cos(angle), high / 2 + (high - TALL - 4) / 2 * Math.sin(angle)]];
    }));
    const most = Math.max(...arrows.map(([, , count]) => count), 1);
    // from edge to edge of the boxes, bent a little so that the two ways between them lie apart
    const edge = ([x, y], [tx, ty], gap) => {
      const dx = tx - x, dy = ty - y;
      const scale = Math.min((w / 2 + gap) / Math.abs(dx || 1e-9), (TALL / 2 + gap) / Math.abs(dy || 1e-9));
      return [x + dx * scale, y + dy * scale];
    };
    const lines = arrows.map(([from, to, count]) => {
      const a = spots.get(from), b = spots.get(to), bend = 0.08;
      const middle = [(a[0] + b[0]) / 2 - bend * (b[1] - a[1]), (a[1] + b[1]) / 2 + bend * (b[0] - a[0])];
      const [p, m, q] = [edge(a, middle, 2), middle, edge(b, middle, 6)].map((spot) => spot.map((x) => x.toFixed(1)).join());
      const broad = (1 + 3 * count / most).toFixed(2);
      return View.svg("path", { d: `M${p} Q${m} ${q}`, "stroke-width": broad, "marker-end": "url(#head)" });
    });
    const size = { viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse" };
    const head = View.svg("marker", { id: "head", ...size, orient: "auto" }, View.svg("path", { d: "M0 0L8 4L0 8z" }));
    const drawing = View.svg("svg", { width: wide, height: high, "aria-hidden": "true" }, View.svg("defs", {}, head), ...lines);
    const buttons = nodes.map(({ key, name, kind, below, go }) => {
      const [x, y] = spots.get(key), given = arrows.filter(([from]) => from === key);
      const title = `${name} → ${given.map(([, to]) => nodes.find((n) => n.key === to).name).join(", ")}`;
      const button = el("button", { class: `node ${kind || ""}`, title, onclick: go },
        el("strong", { text: name }), following(boxes, "span", below));
      Object.assign(button.style, { left: `${x - w / 2}px`, top: `${y - TALL / 2}px`, width: `${w}px`, height: `${TALL}px` });
      return button;
    });
    box.style.height = `${high}px`;
    box.replaceChildren(drawing, ...buttons);
  }

  function cards(page) {
    const { byName } = page.model;
    return [...bySector(page)].map(([name, list], i) => {
      const from = new Set(list.flatMap((v) => v.causes).map((cause) => (byName.get(cause) || { sector: name }).sector));
      from.delete(name);
      const stocks = list.filter((v) => v.kind === "stock");
      const sources = from.size ? `; ${say("inputsFrom")} ${[...from].map(sector).join(", ")}` : "";
      const note = `${stocks.length} ${say("stocks")}${sources}`;
      return el("div", { class: "sector", id: `s${i}`, tabindex: "-1" }, el("h3", { text: sector(name) }),
        el("p", { class: "note", text: note }), ...stocks.map((v) => named(page, fixed, v)));
    });
  }

  // -- one variable -----------------------------------------------------------------------------------------------
  function variable(page) {
    const { model } = page, first = model.placeOf.get(page.charts[0].label);
    const v = model.byName.get(selected) || model.variables.find((one) => one.labels.includes(first));
    live = [];
    const fact = (name, said) => el("p", {}, el("strong", { text: `${say(name)}: ` }), said || say("none"));
    const links = (title, names) => el("div", { class: "links" }, el("h3", { text: say(title) }),
      ...names.map((name) => model.byName.get(name)).filter(Boolean).map((other) => named(page, live, other)));
    const line = (make) => { const node = following(live, "p", make); node.className = "note"; return node; };
    const own = model.parameters.filter((p) => p.name === v.name || p.name.startsWith(`${v.name}[`));
    const labels = v.labels.length > 1 ? v.labels.map((place) => model.labels[place]) : [];
    const title = () => `${spelled(v.name)}${v.labels.length === 1 ? ` = ${text(page, v)}` : ""}`;
    $("variable").replaceChildren(el("div", { class: "around" }, links("causes", v.causes),
      el("div", { class: `centre ${v.kind}` }, following(live, "h3", title), el("p", { text: spelled(v.text) }),
        el("p", {}, el("strong", { text: `${say("equation")}: ` }), el("code", { text: v.equation })),
        fact("unit", spelled(v.unit)), fact("source", v.source), fact("kind", say(v.kind)),
        ...labels.slice(0, MOST_VALUES).map((label) => line(() => `${spelled(label)} = ${number(page.value(page.now, label))}`)),
        ...own.slice(0, MOST_VALUES).map((p) =>
          line(() => `${spelled(p.name)} = ${Controls.scheduleText(page, p) || number(page.values[p.place])}`))),
      links("uses", v.uses)));
  }

  // -- all of it --------------------------------------------------------------------------------------------------
  function build(page) {
    const open = $("modelBox") && $("modelBox").open, { variables, byName } = page.model;
    [live, fixed, boxes, width] = [[], [], [], 0];
    const list = el("datalist", { id: "names" }, ...variables.map((v) => el("option", { value: v.name })));
    const find = el("input", {
      type: "search", list: "names", placeholder: say("search"), "aria-label": `${say("search")}: ${say("model")}`,
      onchange: () => { const v = byName.get(find.value); if (v) select(page, v); },
    });
    const title = following(fixed, "h2", () => say("map", { t: page.timeText() }));
    $("model").setAttribute("aria-label", say("model"));
    $("model").replaceChildren(el("details", { id: "modelBox", open: Boolean(open), ontoggle: () => draw(page) },
      el("summary", {}, el("strong", { text: `${say("model")} (${variables.length})` })), list, find,
      el("div", { id: "variable", tabindex: "-1" }), title, el("div", { id: "map" }),
      el("div", { class: "cards" }, ...cards(page))));
  }

  function draw(page) {
    if (!$("modelBox").open || !page.now) return;
    if (!live.length) variable(page);
    const wide = $("modelBox").clientWidth;
    if (width !== wide) { width = wide; map(page, wide); }
    for (const update of [...fixed, ...boxes, ...live]) update();
  }

  return { build, draw };
})();
