// Runs of a model in WebAssembly: the caller of the compiled kernel, as sdmodel/compile/llvm/engine.py is in Python.
// A classic script, in node and in browsers; it knows neither the page nor names of the model.
"use strict";

const Kernel = (() => {
  const LANES = 2, ROW = 8 * LANES, STACK = 1 << 20, PAGE = 1 << 16;
  const { SMALLEST, dates } = Dates;
  const MAX_MEMORY = 10e6, FEW_ROUGH = 3, MOST_VECTORS = 64;
  const ENOUGH = 5e-4, HALVINGS = 5;
  const FINE = 0, NOT_FINITE = 1, TOO_MUCH = 2, TOO_LONG = 3, OTHER_SHAPE = 4;
  const MASK = (1n << 64n) - 1n;

  const LIBRARY = {
    sin: Math.sin, cos: Math.cos, tan: Math.tan, asin: Math.asin, acos: Math.acos, atan: Math.atan,
    sinh: Math.sinh, cosh: Math.cosh, erfc, lgamma,
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
      this.every = Array.from({ length: spec.outputs }, (_, i) => i);
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

    // Solve runs. `rows`: parameters of each run; `numbers`: number of each run, which selects its random draws;
    // `wanted`: indices of the outputs to keep.
    // Returns values (runs x wanted x times), status, index of the first time that is not finite, and rough flags.
    run(rows, { step = this.spec.step, numbers = [...rows.keys()], wanted = this.every } = {}) {
      const width = wanted.length * this.times.length;
      const out = {
        wanted, values: new Float64Array(rows.length * width), status: new Uint8Array(rows.length),
        first: new Int32Array(rows.length).fill(-1), rough: new Uint8Array(rows.length),
      };
      for (let low = 0; low < rows.length; low += MOST_VECTORS * LANES) {
        const high = Math.min(low + MOST_VECTORS * LANES, rows.length);
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
      const early = this._whole(noted, runs), counted = this._floats(rough, runs);
      for (let run = 0; run < runs; run++) {
        const first = Number(early[run]);
        out.first[low + run] = first;
        out.status[low + run] = bad[run] ? TOO_MUCH : first >= 0 ? NOT_FINITE : FINE;
        out.rough[low + run] = counted[run] >= (first >= 0 ? 1 : FEW_ROUGH) ? 1 : 0;
        this._keep(out, low + run, bad[run] ? null : this._floats(values + 8 * run * width, width));
      }
    }

    // Copy the wanted outputs of a run; what is missing becomes NaN.
    _keep(out, run, found) {
      const n = this.times.length, { missing } = this.spec;
      out.wanted.forEach((output, i) => {
        const to = (run * out.wanted.length + i) * n;
        for (let k = 0; k < n; k++) {
          const x = found ? found[output * n + k] : NaN;
          out.values[to + k] = x === missing ? NaN : x;
        }
      });
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
    // Also marks runs whose delays would have another order. `given`: rows of parameters of the page's main kernel.
    solve(given, { numbers = [...given.keys()], wanted = this.every } = {}) {
      const { spec } = this, rows = spec.places ? given.map((row) => spec.places.map((i) => row[i])) : given;
      const all = wanted === this.every ? wanted : [...wanted, ...spec.orders.flatMap((o) => [o.time, o.step])];
      const out = this.run(rows, { numbers, wanted: all }), width = all.length * this.times.length;
      const part = (values, i) => values.subarray(i * width, (i + 1) * width);
      let left = [...out.rough.keys()].filter((i) => out.rough[i]);
      const latest = new Map(left.map((i) => [i, part(out.values, i).slice()]));
      for (let halvings = 1; halvings <= HALVINGS && left.length && spec.step_place >= 0; halvings++) {
        const step = spec.step / 2 ** halvings;
        const finer = left.map((i) => rows[i].map((x, place) => (place === spec.step_place ? x / 2 ** halvings : x)));
        const again = this.run(finer, { step, numbers: left.map((i) => numbers[i]), wanted: all });
        left = left.filter((i, place) => {
          const fine = again.status[place] === FINE, found = part(again.values, place);
          if (fine && this._distance(latest.get(i), found, all) <= ENOUGH) {
            if (halvings > 1) { part(out.values, i).set(found); out.status[i] = FINE; }
            return false;
          }
          latest.set(i, fine ? found.slice() : new Float64Array(width).fill(NaN));
          return true;
        });
      }
      for (const i of left) out.status[i] = TOO_LONG;
      rows.forEach((_, i) => {
        const first = (output) => part(out.values, i)[all.indexOf(output) * this.times.length];
        for (const o of spec.orders) {
          let order = o.requested;
          while (order > 1 && order * first(o.step) > first(o.time)) order--;
          if (order !== o.used) out.status[i] = OTHER_SHAPE;
        }
      });
      return out;
    }

    // Largest difference over outputs, each relative to its largest absolute value or to rounding of its unit.
    _distance(values, reference, outputs) {
      const n = this.times.length, { units } = this.spec, of = new Map();
      const size = outputs.map((output, j) => {
        const sizes = reference.subarray(j * n, (j + 1) * n).filter(Number.isFinite).map(Math.abs);
        const largest = sizes.reduce((a, x) => Math.max(a, x), 0);
        of.set(units[output], Math.max(of.get(units[output]) || 0, largest));
        return largest;
      });
      let worst = 0;
      for (let i = 0; i < values.length; i++) {
        const j = Math.floor(i / n), a = values[i], b = reference[i];
        if (Number.isNaN(a) && Number.isNaN(b)) continue;
        const apart = Math.abs(a - b) / Math.max(size[j], 1e-9 * of.get(units[outputs[j]]), 1e-300);
        worst = Math.max(worst, Number.isNaN(apart) ? Infinity : apart);
      }
      return worst;
    }
  }
  Object.assign(Kernel, { FINE, NOT_FINITE, TOO_MUCH, TOO_LONG, OTHER_SHAPE, erfc, lgamma });
  return Kernel;
})();
