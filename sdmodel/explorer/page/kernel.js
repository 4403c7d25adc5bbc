// Runs of a model in WebAssembly: the caller of the compiled kernel, as sdmodel/compile/llvm/engine.py is in Python.
// A classic script, in node and in browsers; it knows neither the page nor names of the model.
"use strict";

const Kernel = (() => {
  const LANES = 2, ROW = 8 * LANES, STACK = 1 << 20, PAGE = 1 << 16;
  const SMALLEST = 1e-12, MAX_BREAKS = 100000, MAX_MEMORY = 10e6, FEW_ROUGH = 3, MOST_VECTORS = 64;
  const ENOUGH = 5e-4, HALVINGS = 5;
  const FINE = 0, NOT_FINITE = 1, TOO_MUCH = 2, TOO_LONG = 3, OTHER_SHAPE = 4;
  const MASK = (1n << 64n) - 1n;

  const LIBRARY = {
    sin: Math.sin, cos: Math.cos, tan: Math.tan, asin: Math.asin, acos: Math.acos, atan: Math.atan, sinh: Math.sinh, cosh: Math.cosh,
    erfc, lgamma,
  };

  // Complementary error function: the series of erf below 2, the continued fraction above.
  function erfc(x) {
    if (Number.isNaN(x)) return x;
    const a = Math.abs(x);
    if (a < 2) {
      let term = x, sum = x;
      for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
        term *= -x * x / n;
        sum += term / (2 * n + 1);
        if (n > 200) break;
      }
      return 1 - 2 / Math.sqrt(Math.PI) * sum;
    }
    if (a > 27) return x > 0 ? 0 : 2;
    let f = a;
    for (let k = 120; k > 0; k--) f = a + k / 2 / f;
    const tail = Math.exp(-a * a) / Math.sqrt(Math.PI) / f;
    return x > 0 ? tail : 2 - tail;
  }

  // Logarithm of the gamma function at a positive number: Stirling's series above 15, the recurrence below.
  function lgamma(x) {
    let shift = 1;
    for (; x < 15; x++) shift *= x;
    const z = 1 / (x * x);
    const series = (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z * (1 / 1188 - z * 691 / 360360))))) / x;
    return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - Math.log(shift);
  }

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

  // -- dates at which the equations jump: sdmodel/compile/events.py ---------------------------------------------
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

  // -- random draws: sdmodel/compile/random.py --------------------------------------------------------------------
  function mix(word) {
    word = (word + 0x9E3779B97F4A7C15n) & MASK;
    word = ((word ^ (word >> 30n)) * 0xBF58476D1CE4E5B9n) & MASK;
    word = ((word ^ (word >> 27n)) * 0x94D049BB133111EBn) & MASK;
    return word ^ (word >> 31n);
  }

  class Kernel {
    // `spec`: the object that sdmodel/explorer/kernel.py describes; `code`: the bytes of the module.
    static async create(spec, code) {
      const base = Math.ceil((spec.data_end + STACK) / PAGE + 1);
      const memory = new WebAssembly.Memory({ initial: base });
      const pointer = new WebAssembly.Global({ value: "i32", mutable: true }, base * PAGE);
      const env = { __linear_memory: memory, __stack_pointer: pointer };
      for (const name of spec.library) env[name] = LIBRARY[name];
      const { instance } = await WebAssembly.instantiate(code, { env });
      return new Kernel(spec, memory, instance.exports, base * PAGE);
    }

    constructor(spec, memory, exports, base) {
      Object.assign(this, { spec, memory, exports, base, seed: 0n });
      this.outputs = spec.outputs;
      this.times = spec.times;
      this.words = spec.streams.map(BigInt);
    }

    // Allocate in linear memory from the start; every call of `run` begins anew.
    _take(doubles) {
      const place = this.free;
      this.free = Math.ceil((place + 8 * doubles) / 64) * 64;
      const missing = this.free - this.memory.buffer.byteLength;
      if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
      return place;
    }

    _floats(place, count) { return new Float64Array(this.memory.buffer, place, count); }
    _whole(place, count) { return new BigInt64Array(this.memory.buffer, place, count); }

    _put(values) {
      const place = this._take(values.length);
      this._floats(place, values.length).set(values);
      return place;
    }

    _putWhole(values) {
      const place = this._take(values.length);
      this._whole(place, values.length).set(values.map((v) => BigInt(v)));
      return place;
    }

    // Times at which all runs stop (grid and reports), their tolerances, and their report indices or -1.
    _stops(step) {
      const { start } = this.spec, end = this.times[this.times.length - 1];
      const slack = SMALLEST * Math.max(Math.abs(start), Math.abs(end), 1);
      const stops = [];
      for (let i = 1; start + i * step < end; i++) stops.push([start + i * step, 0, -1]);
      this.times.forEach((t, i) => stops.push([t, slack, i]));
      return stops.sort((a, b) => a[0] - b[0]);
    }

    // Solve runs. `rows`: parameters of each run; `numbers`: number of each run, which selects its random draws.
    // Returns values (runs x outputs x times), status, index of the first time that is not finite, and rough flags.
    run(rows, { step = this.spec.step, numbers = rows.map((_, i) => i), finer = 1 } = {}) {
      const size = this.spec.vectors || MOST_VECTORS;
      const width = this.outputs * this.times.length;
      const out = {
        values: new Float64Array(rows.length * width), status: new Uint8Array(rows.length),
        first: new Int32Array(rows.length).fill(-1), rough: new Uint8Array(rows.length),
      };
      for (let low = 0; low < rows.length; low += size * LANES) {
        const high = Math.min(low + size * LANES, rows.length);
        this._block(rows.slice(low, high), numbers.slice(low, high), step, low, out);
      }
      return out;
    }

    _block(rows, numbers, step, low, out) {
      this.free = this.base;
      const { spec } = this, runs = rows.length, vectors = Math.ceil(runs / LANES);
      const count = spec.parameters, height = count + 3 * spec.series.length + this.words.length, stride = height * ROW;
      const series = spec.series.map(({ t, x }) => [this._put(x), this._put(t), t.length]);
      const params = this._take(vectors * height * LANES);
      const work = this._take(spec.rows * LANES);
      this._floats(work, spec.rows * LANES).fill(0);
      const floats = this._floats(params, vectors * height * LANES), bits = this._whole(params, vectors * height * LANES);
      for (let run = 0; run < vectors * LANES; run++) {
        const row = rows[Math.min(run, runs - 1)], number = BigInt(numbers[Math.min(run, runs - 1)]);
        const at = (i) => (Math.floor(run / LANES) * height + i) * LANES + (run % LANES);
        for (let i = 0; i < count; i++) floats[at(i)] = row[i];
        series.flat().forEach((v, i) => { bits[at(count + i)] = BigInt(v); });
        if (this.words.length) {
          const word = mix(mix(this.seed) ^ (number & MASK));
          this.words.forEach((w, i) => { bits[at(count + 3 * spec.series.length + i)] = BigInt.asIntN(64, mix(word ^ w)); });
        }
      }
      const width = this.outputs * this.times.length;
      const values = this._take(runs * width), noted = this._take(vectors * LANES), rough = this._take(vectors * LANES);
      this._floats(rough, vectors * LANES).fill(0);
      const common = [BigInt(vectors), BigInt(runs), params, BigInt(stride), work, values, noted, BigInt(this.times.length)];
      const bad = spec.fixed
        ? this._onGrid(common, params, stride, work, vectors, step)
        : this._onDates(common, params, stride, work, vectors, step, rough);
      out.values.set(this._floats(values, runs * width), low * width);
      const early = this._whole(noted, runs), counted = this._floats(rough, runs);
      for (let run = 0; run < runs; run++) {
        const first = Number(early[run]);
        out.first[low + run] = first;
        out.status[low + run] = bad[run] ? TOO_MUCH : first >= 0 ? NOT_FINITE : FINE;
        out.rough[low + run] = counted[run] >= (first >= 0 ? 1 : FEW_ROUGH) ? 1 : 0;
        if (bad[run]) out.values.fill(NaN, (low + run) * width, (low + run + 1) * width);
      }
      for (let i = low * width; i < (low + runs) * width; i++) if (out.values[i] === spec.missing) out.values[i] = NaN;
    }

    _onDates(common, params, stride, work, vectors, step, rough) {
      const { clock, start } = this.spec, end = this.times[this.times.length - 1];
      const beyond = end + 1e-6 * Math.max(end - start, step);
      const lanes = vectors * LANES, bad = new Array(lanes).fill(false);
      const time = this._take(LANES), held = this._take(clock.held * LANES), seen = this._take(2 * clock.sources.length * LANES);
      const found = [];
      const known = new Map();  // dates are found once for each set of values on which they rest
      for (let run = 0; run < lanes; run++) {
        const p = params + Math.floor(run / LANES) * stride, lane = run % LANES;
        const set = this._floats(params, vectors * stride / 8), base = (p - params) / 8 + lane;
        const rests = this.spec.clock.rests.map((i) => set[base + i * LANES]).join();
        if (known.has(rests)) {
          found.push(found[known.get(rests)]);
          bad[run] = bad[known.get(rests)];
          continue;
        }
        known.set(rests, run);
        const watch = (t, h) => {
          this._floats(time, LANES).fill(t);
          h.forEach((v, i) => this._floats(held, clock.held * LANES).fill(v, i * LANES, (i + 1) * LANES));
          this.exports.watch(1n, 1n, p, BigInt(stride), work, time, held, seen);
          return this._floats(seen, 2 * clock.sources.length * LANES).filter((_, i) => i % LANES === lane);
        };
        const inside = dates(clock, watch, start, end), after = inside && dates(clock, watch, end, beyond);
        bad[run] = !after;
        found.push(after ? [inside, after] : [[start, end], [end, beyond]]);
      }
      const cuts = Math.max(...found.map(([inside]) => inside.length)) + 2;
      const table = this._take(vectors * cuts * LANES), places = this._floats(table, vectors * cuts * LANES);
      found.forEach(([inside, after], run) => {
        for (let i = 0; i < cuts; i++) {
          const date = i >= cuts - 2 ? after[i - cuts + 2] : i < inside.length ? inside[i] : end;
          places[(Math.floor(run / LANES) * cuts + i) * LANES + (run % LANES)] = date;
        }
      });
      const stops = this._stops(step);
      const plan = [this._put(stops.map((s) => s[0])), this._put(stops.map((s) => s[1])), this._putWhole(stops.map((s) => s[2]))];
      const more = this.spec.rough ? [rough] : [];
      this.exports.runs(...common, BigInt(stops.length), ...plan, BigInt(cuts), table, ...more);
      return bad;
    }

    _onGrid(common, params, stride, work, vectors, step) {
      const { memories, start } = this.spec, lanes = vectors * LANES, bad = new Array(lanes).fill(false);
      const lengths = this._take(memories * lanes), rings = [0];
      if (memories) {
        const spans = this._take(memories * lanes);
        this.exports.spans(BigInt(vectors), params, BigInt(stride), work, spans);
        const steps = Array.from(this._floats(spans, memories * lanes), (s) => Math.max(Math.floor(s + 0.5 + 1e-6), 1));
        const at = (run, m) => (Math.floor(run / LANES) * memories + m) * LANES + (run % LANES);
        for (let run = 0; run < lanes; run++) {
          let sum = 0;
          for (let m = 0; m < memories; m++) sum += steps[at(run, m)];
          bad[run] = !(sum <= MAX_MEMORY);
          for (let m = 0; m < memories && bad[run]; m++) steps[at(run, m)] = 1;
        }
        this._whole(lengths, memories * lanes).set(steps.map((s) => BigInt(s)));
        for (let m = 0; m < memories; m++) {
          let most = 1;
          for (let run = 0; run < lanes; run++) most = Math.max(most, steps[at(run, m)]);
          rings.push(rings[m] + most);
        }
      }
      const ring = this._take(Math.max(rings[rings.length - 1], 1) * LANES);
      const wanted = this._putWhole(this.times.map((t) => Math.round((t - start) / step)));
      this.exports.runs(...common, wanted, start, step, ring, this._putWhole(rings), lengths);
      return bad;
    }

    // Solve runs again with shorter steps where steps of TIME STEP are too long, as sdmodel/sweep/refinement.py does.
    // Also marks runs whose delays would have another order.
    solve(rows, numbers = rows.map((_, i) => i)) {
      const { spec } = this, out = this.run(rows, { numbers }), width = this.outputs * this.times.length;
      const part = (values, i) => values.subarray(i * width, (i + 1) * width);
      let left = [...out.rough.keys()].filter((i) => out.rough[i]);
      const latest = new Map(left.map((i) => [i, part(out.values, i).slice()]));
      for (let halvings = 1; halvings <= HALVINGS && left.length && spec.step_place >= 0; halvings++) {
        const finer = rows.map((row) => row.slice());
        for (const row of finer) row[spec.step_place] /= 2 ** halvings;
        const again = this.run(left.map((i) => finer[i]), {
          step: spec.step / 2 ** halvings, numbers: left.map((i) => numbers[i]),
        });
        left = left.filter((i, place) => {
          const fine = again.status[place] === FINE;
          if (fine && this._distance(latest.get(i), part(again.values, place)) <= ENOUGH) {
            if (halvings > 1) { part(out.values, i).set(part(again.values, place)); out.status[i] = FINE; }
            return false;
          }
          latest.set(i, fine ? part(again.values, place).slice() : new Float64Array(width).fill(NaN));
          return true;
        });
      }
      for (const i of left) out.status[i] = TOO_LONG;
      rows.forEach((_, i) => {
        const first = (j) => part(out.values, i)[j * this.times.length];
        for (const o of spec.orders) {
          let order = o.requested;
          while (order > 1 && order * first(o.step) > first(o.time)) order--;
          if (order !== o.used) out.status[i] = OTHER_SHAPE;
        }
      });
      return out;
    }

    // Largest difference over the outputs, each relative to its largest absolute value or to rounding of its unit.
    _distance(values, reference) {
      const n = this.times.length, of = new Map(), size = [];
      for (let j = 0; j < this.outputs; j++) {
        size.push(0);
        for (let i = j * n; i < (j + 1) * n; i++) if (Number.isFinite(reference[i])) size[j] = Math.max(size[j], Math.abs(reference[i]));
        of.set(this.spec.units[j], Math.max(of.get(this.spec.units[j]) || 0, size[j]));
      }
      let worst = 0;
      for (let i = 0; i < values.length; i++) {
        const j = Math.floor(i / n), a = values[i], b = reference[i];
        if (Number.isNaN(a) && Number.isNaN(b)) continue;
        const apart = Math.abs(a - b) / Math.max(size[j], 1e-9 * of.get(this.spec.units[j]), 1e-300);
        worst = Math.max(worst, Number.isNaN(apart) ? Infinity : apart);
      }
      return worst;
    }
  }
  Object.assign(Kernel, { FINE, NOT_FINITE, TOO_MUCH, TOO_LONG, OTHER_SHAPE, erfc, lgamma });
  return Kernel;
})();

if (typeof module !== "undefined") module.exports = Kernel;
