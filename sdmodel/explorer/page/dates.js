// Dates at which the equations of a model jump: sdmodel/compile/events.py.
"use strict";

const Dates = (() => {
  const SMALLEST = 1e-12, MAX_BREAKS = 100000;

  // Value of a stepped lookup, as in sdmodel/core/functions/values.py.
  function stepped(x, knots, values, kind) {
    if (Number.isNaN(x)) return NaN;
    let place = 0;
    if (kind === "hold_backward") {
      while (place < knots.length && knots[place] <= x) place++;
      return values[Math.max(place - 1, 0)];
    }
    while (place < knots.length && knots[place] < x) place++;
    return values[Math.min(place, knots.length - 1)];
  }

  const HOLDS = { lt: (d) => d < 0, le: (d) => d <= 0, gt: (d) => d > 0, ge: (d) => d >= 0 };

  function heldValue(source, a, b) {
    if (source.kind === "cross") return HOLDS[source.op](a - b) ? 1 : 0;
    if (source.kind === "knots") return stepped(a, source.x, source.y, source.table);
    return (source.op === "floor" ? Math.floor(a) : Math.trunc(a)) + 0;
  }

  // Times at which the line through (p, x0) and (q, x1) crosses a threshold of the source; null if there are too many.
  function crossings(source, p, q, x0, x1, a, b) {
    const slope = (x1 - x0) / (q - p);
    if (slope === 0 || !Number.isFinite(slope)) return [];
    if (source.kind === "cross") return [p - x0 / slope];
    const ends = [x0 + slope * (a - p), x0 + slope * (b - p)];
    const first = Math.min(...ends), last = Math.max(...ends);
    let targets = [];
    if (source.kind === "knots") targets = source.x.filter((x) => first <= x && x <= last);
    else {
      if (last - first > MAX_BREAKS) return null;
      for (let i = Math.floor(first); i <= Math.ceil(last); i++) targets.push(i);
    }
    return targets.map((x) => p + (x - x0) / slope);
  }

  // Start, dates in ascending order, and end; null if there are too many. `watch(t, held)` gives [a0, b0, a1, b1, ...].
  function dates(clock, watch, start, end) {
    const depth = 1 + clock.sources.reduce((most, s) => Math.max(most, s.level), -1);
    const smallest = SMALLEST * Math.max(Math.abs(start), Math.abs(end), 1);
    const levels = Array.from({ length: depth }, () => []);
    clock.sources.forEach((s, i) => levels[s.level].push([i, s]));
    const heldAt = (t, level, h) => {
      const found = levels[level].filter(([, s]) => s.slot >= 0);
      if (!found.length) return h;
      const seen = watch(t, h), after = h.slice();
      for (const [i, s] of found) after[s.slot] = heldValue(s, seen[2 * i], seen[2 * i + 1]);
      return after;
    };
    const out = [start];
    const open = [[start, end, 0, new Array(clock.held).fill(0)]];
    while (open.length) {
      let [a, b, level, h] = open.pop();
      const p = a + (b - a) / 4, q = b - (b - a) / 4;
      let seen = null, atP, atQ, cut = false;
      for (; level < depth; level++) {
        if (seen !== h) { atP = watch(p, h); atQ = watch(q, h); seen = h; }
        const found = [];
        for (const [i, s] of levels[level]) {
          const times = crossings(s, p, q, atP[2 * i] - atP[2 * i + 1], atQ[2 * i] - atQ[2 * i + 1], a, b);
          if (times === null) return null;
          found.push(...times.filter((t) => a + smallest < t && t < b - smallest));
        }
        if (out.length + open.length + found.length > MAX_BREAKS) return null;
        const cuts = [a];
        for (const t of found.sort((x, y) => x - y)) if (t - cuts[cuts.length - 1] > smallest) cuts.push(t);
        cuts.push(b);
        if (cuts.length > 2) {
          for (let i = cuts.length - 2; i >= 0; i--) {
            open.push([cuts[i], cuts[i + 1], level + 1, heldAt((cuts[i] + cuts[i + 1]) / 2, level, h)]);
          }
          cut = true;
          break;
        }
        h = heldAt((a + b) / 2, level, h);
      }
      if (!cut) out.push(b);
    }
    return out;
  }

  return { SMALLEST, dates };
})();
