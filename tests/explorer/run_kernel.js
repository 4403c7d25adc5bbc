// Reads jobs as JSON from standard input and prints their results; the scripts are one classic script, as in the page.
"use strict";
const fs = require("fs"), path = require("path"), vm = require("vm");
const page = path.join(__dirname, "../../sdmodel/explorer/page");
const scripts = [path.join(page, "dates.js"), path.join(page, "kernel.js"), path.join(__dirname, "run_jobs.js")];
vm.runInThisContext(scripts.map((name) => fs.readFileSync(name, "utf8")).join(""));
runJobs(JSON.parse(fs.readFileSync(0, "utf8"))).then((text) => process.stdout.write(text));
