// Samples of the uncertain constants: Latin hypercubes of a fixed seed, so that equal settings give equal bands.
"use strict";

const Band = (() => {
  const BLOCK = 50, NINETY_FIVE = 2 * 1.959963984540054;

  function generator(seed) {  // mulberry32
    return () => {
      seed = (seed + 0x6D2B79F5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  const normalCdf = (z) => Kernel.erfc(-z / Math.SQRT2) / 2;

  function normalQuantile(u) {  // bisection: only some hundred values are drawn
    let low = -9, high = 9;
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (normalCdf(middle) < u) low = middle; else high = middle;
    }
    return (low + high) / 2;
  }

  function truncatedNormal(u, mean, sd, low, high) {
    const a = normalCdf((low - mean) / sd), b = normalCdf((high - mean) / sd);
    return mean + sd * normalQuantile(a + u * (b - a));
  }

  // Value of the distribution of a constant at probability u: sdmodel/core/distributions.py.
  function quantile(p, u) {
    const { low, high, value } = p;
    if (low === high) return low;
    if (p.distribution === "loguniform") return low * Math.exp(u * Math.log(high / low));
    if (p.distribution === "integer") return Math.min(Math.floor(low + u * (high - low + 1)), high);
    if (p.distribution === "triangular") {
      const c = (value - low) / (high - low);
      return u < c ? low + Math.sqrt(u * (high - low) * (value - low)) : high - Math.sqrt((1 - u) * (high - low) * (high - value));
    }
    if (p.distribution === "normal") return truncatedNormal(u, value, (high - low) / NINETY_FIVE, low, high);
    if (p.distribution === "lognormal") {
      return Math.exp(truncatedNormal(u, Math.log(value), Math.log(high / low) / NINETY_FIVE, Math.log(low), Math.log(high)));
    }
    return low + u * (high - low);
  }

  // Values of sample `number` of each constant; samples come in hypercubes of BLOCK.
  const cubes = new Map();
  function sample(parameters, number) {
    const block = Math.floor(number / BLOCK);
    if (!cubes.has(block)) {
      const random = generator(1 + block);
      cubes.set(block, parameters.map((p) => {
        const order = Array.from({ length: BLOCK }, (_, i) => i);
        for (let i = BLOCK - 1; i > 0; i--) {
          const j = Math.floor(random() * (i + 1));
          [order[i], order[j]] = [order[j], order[i]];
        }
        return order.map((i) => quantile(p, (i + random()) / BLOCK));
      }));
    }
    return cubes.get(block).map((values) => values[number % BLOCK]);
  }

  // Quantiles of each column of rows, by linear interpolation.
  function quantiles(rows, shares) {
    const out = shares.map(() => []);
    for (let i = 0; i < rows[0].length; i++) {
      const column = Float64Array.from(rows, (row) => row[i]).filter(Number.isFinite).sort();
      shares.forEach((share, k) => {
        const place = share * (column.length - 1), low = Math.floor(place);
        const above = column[Math.min(low + 1, column.length - 1)];
        out[k].push(column.length ? column[low] + (place - low) * (above - column[low]) : null);
      });
    }
    return out;
  }

  return { sample, quantile, quantiles };
})();
