// How long does a chapter take in a browser, and does it say there what it says elsewhere?
//
//     node tests/benchmarks/bench_lite.mjs [_build/html] [adam momentum exercises/adam ...]
//
// Runs notebooks of a built site with lite/ under its Pyodide, one process for each, with all the seeds of the book,
// prints a table, and keeps the minutes in dlbook/lite/assets/minutes.json, from which a slow chapter's first cell tells its reader. CPU time, so
// that a busy machine does not count.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(import.meta.url);
const keep = path.resolve(path.dirname(here), "../../dlbook/lite/assets/minutes.json");

const RUN = `
import json
import re
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

def texts(data):
    return "".join(data.get("text/plain", "")).strip()

shell, rows = InteractiveShell.instance(), []
for i, cell in enumerate(json.loads(NOTEBOOK)["cells"]):
    if cell["cell_type"] != "code" or cell.get("id") == "pace":
        continue
    with capture_output(display=True) as seen:
        ran = shell.run_cell(cell["source"])
    error = ran.error_before_exec or ran.error_in_exec
    said = (seen.stdout + "".join(texts(output.data) for output in seen.outputs)).strip()
    stored = "".join("".join(o.get("text", "")) + texts(o.get("data", {})) for o in cell.get("outputs", [])).strip()
    said = re.sub(r"^Out\\[\\d+\\]: ", "", said, flags=re.MULTILINE)  # without a shell's display hook
    same = said == stored
    rows.append({"cell": i, "error": error and repr(error)[:200], "same": bool(same), "said": said, "stored": stored})
json.dumps(rows)
`;

async function one(lite, name) {
  const require = createRequire(here);
  const { lock, python: folder } = JSON.parse(fs.readFileSync(path.join(lite, "pages.json")));
  const { loadPyodide } = require(path.join(lite, folder, "pyodide.js"));
  const silent = { stdout: () => {}, stderr: () => {} };
  const python = await loadPyodide({
    indexURL: path.join(lite, folder, "/"), lockFileURL: path.join(lite, lock), packages: ["dlcore", "ipywidgets", "matplotlib"], ...silent,
  });
  python.globals.set("NOTEBOOK", fs.readFileSync(path.join(lite, "app/files", `${name}.ipynb`), "utf8"));
  const begun = process.cpuUsage();
  const rows = JSON.parse(python.runPython(RUN));
  const seconds = process.cpuUsage(begun).user / 1e6;
  console.log(JSON.stringify({ name, seconds, rows }));
  process.exit(0);
}

const [site = "_build/html", ...names] = process.argv.slice(2);
const lite = path.resolve(site, "lite");
if (process.env.LITE_ONE) {
  await one(lite, names[0]);
}
const { pages } = JSON.parse(fs.readFileSync(path.join(lite, "pages.json")));
const minutes = JSON.parse(fs.readFileSync(keep));
console.log("| notebook | cells | errors | differences | CPU seconds |\n|---|---|---|---|---|");
for (const name of names.length ? names : Object.keys(pages)) {
  let told;
  try {
    told = execFileSync(process.execPath, [here, site, name], { env: { ...process.env, LITE_ONE: "1" }, maxBuffer: 1e9, stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    console.log(`| ${name} | Python stopped: ${String(error.message).split("\n")[0]} |`);
    continue;
  }
  const { seconds, rows } = JSON.parse(told.toString().trim().split("\n").pop());
  const differing = rows.filter((row) => !row.same && !row.error);
  console.log(`| ${name} | ${rows.length} | ${rows.filter((row) => row.error).length} | ${differing.length} | ${seconds.toFixed(0)} |`);
  for (const row of rows.filter((row) => row.error || !row.same)) {
    const at = [...row.stored].findIndex((letter, i) => letter !== row.said[i]);
    console.log(`  cell ${row.cell}: ${row.error || `… ${row.stored.slice(Math.max(0, at - 30), at + 40)} … is … ${row.said.slice(Math.max(0, at - 30), at + 40)} …`}`.replace(/\n/g, " "));
  }
  if (!name.startsWith("exercises/")) {
    minutes[name] = Math.round(seconds / 60);
    fs.writeFileSync(keep, `${JSON.stringify(minutes, Object.keys(minutes).sort(), 1)}\n`);
  }
}
