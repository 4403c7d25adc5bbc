// Reads jobs as JSON from standard input, runs them with the kernel of the page, and prints their results as JSON.
"use strict";
const fs = require("fs"), path = require("path"), vm = require("vm");
const page = path.join(__dirname, "../../sdmodel/explorer/page");
// one classic script, as in the page
const Kernel = vm.runInThisContext(`${["dates.js", "kernel.js"].map((name) => fs.readFileSync(path.join(page, name), "utf8")).join("")}Kernel`);

async function main() {
  let text = "";
  for await (const part of process.stdin) text += part;
  const out = [];
  for (const { spec, code, rows } of JSON.parse(text)) {
    const kernel = await Kernel.create(spec, Buffer.from(code, "base64"));
    const found = kernel.solve(rows);
    // JSON has no NaN: null stands for it
    out.push({ values: Array.from(found.values), status: Array.from(found.status), first: Array.from(found.first) });
  }
  process.stdout.write(JSON.stringify(out));
}

main();
