"""Processor time of a run of the composition in sweeps, of this and of other checkouts in turn, and their sizes.

`python docs/_generate/run_cost.py [CHECKOUT ...]`. Fourth-order Runge-Kutta at the step of the file and the default
method, 256 runs of a Latin hypercube in one process; the shortest of three rounds, which take turns.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[2]
ROUNDS, RUNS = 3, 256
SCRIPT = f"""
import json, time
import sdmodel
model = sdmodel.load("shandong")
draws = sdmodel.latin_hypercube(model.uncertainties, {RUNS}, rng=1)
out = {{}}
for method in ("rk4", None):
    how = {{}} if method is None else {{"method": method}}
    ask = lambda: model.sweep(draws, ["all firms"], every=25, certificate=0, workers=1, progress=False, **how)
    ask()
    begun = time.process_time()
    ask()
    out["default" if method is None else method] = 1000 * (time.process_time() - begun) / {RUNS}
kinds = [v.kind for v in model.equations.values()]
out["sizes"] = {{"stocks": kinds.count("stock"), "auxiliaries": kinds.count("auxiliary"),
                "uncertain rows": len(model.uncertainties), "levers": len(model.levers),
                "scalar states": sum(1 for _ in model.run().state(at=2009).stocks)}}
print(json.dumps(out))
"""


def measured(checkout):
    own = {"PYTHONPATH": str(checkout), "PATH": os.environ["PATH"], "HOME": str(Path.home())}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT], cwd=checkout, capture_output=True, text=True, env=own
    )
    if done.returncode:
        raise SystemExit(f"{checkout}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    checkouts = [HERE, *map(Path, sys.argv[1:])]
    rounds = [[measured(one) for one in checkouts] for _ in range(ROUNDS)]
    for i, one in enumerate(checkouts):
        best = {k: min(row[i][k] for row in rounds) for k in ("rk4", "default")}
        print(one.name, {k: f"{v:.2f} ms" for k, v in best.items()}, rounds[0][i]["sizes"])
