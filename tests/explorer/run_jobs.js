// Runs jobs with the kernel of the page and gives their results as JSON, which has no NaN: null stands for it.
async function runJobs(jobs) {
  const out = [];
  for (const { spec, code, rows } of jobs) {
    const kernel = await Kernel.create(spec, Uint8Array.from(atob(code), (c) => c.charCodeAt(0)));
    const { values, status, first } = kernel.solve(rows);
    out.push({ values: Array.from(values), status: Array.from(status), first: Array.from(first) });
  }
  return JSON.stringify(out);
}
