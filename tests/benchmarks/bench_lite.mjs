// How long does a chapter take in a browser, and does it say there what it says elsewhere?
//
//     node tests/benchmarks/bench_lite.mjs [_build/html] [adam momentum exercises/adam ...]
//
// Runs the notebooks of a built site with lite/ as they open there, a slow one with few seeds: under its
// Pyodide, and then in this machine's Python, each in a process of its own. PYTHON names that Python,
// LITE_SECONDS how long a notebook may take, and LITE_FIRST=1 ends with a chapter's first explorer. Prints a
// table, and keeps it in
// dlbook/lite/assets/measured.json, from which a slow chapter's first cell tells its reader. CPU time, so
// that a busy machine does not count.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(import.meta.url);
const root = path.resolve(path.dirname(here), "../..");
const keep = path.join(root, "dlbook/lite/assets/measured.json");
const cells = path.join(path.dirname(here), "run_cells.py");

async function inPyodide(lite, name) {
  const require = createRequire(here);
  const { lock, python: folder } = JSON.parse(fs.readFileSync(path.join(lite, "pages.json")));
  const { loadPyodide } = require(path.join(lite, folder, "pyodide.js"));
  const silent = { stdout: () => {}, stderr: () => {} };
  const python = await loadPyodide({
    indexURL: path.join(lite, folder, "/"), lockFileURL: path.join(lite, lock), packages: ["dlcore", "ipywidgets", "matplotlib"], ...silent,
  });
  python.globals.set("NOTEBOOK", fs.readFileSync(name, "utf8"));
  python.globals.set("CLOCK", () => process.cpuUsage().user / 1e6);
  python.runPython(fs.readFileSync(cells, "utf8"));
  console.log(python.globals.get("ROWS"));
  process.exit(0);
}

function told(program, given, environment = {}) {
  const options = { env: { ...process.env, ...environment }, maxBuffer: 1e9, stdio: ["ignore", "pipe", "ignore"], timeout: 1000 * (process.env.LITE_SECONDS || 3600) };
  return JSON.parse(execFileSync(program, given, options).toString().trim().split("\n").pop());
}

// of a notebook, or of its cells up to the first explorer, the file that both Pythons run
function given(file) {
  if (!process.env.LITE_FIRST) {
    return file;
  }
  const notebook = JSON.parse(fs.readFileSync(file, "utf8"));
  const last = notebook.cells.findIndex((cell) => cell.cell_type === "code" && cell.source.includes("explore("));
  notebook.cells = notebook.cells.slice(0, last + 1);
  const part = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "lite-")), path.basename(file));
  fs.writeFileSync(part, JSON.stringify(notebook));
  return part;
}

function sum(rows) {
  return Math.round(rows.reduce((seconds, row) => seconds + row.seconds, 0));
}

const [site = "_build/html", ...names] = process.argv.slice(2);
const lite = path.resolve(site, "lite");
if (process.env.LITE_ONE) {
  await inPyodide(lite, names[0]);
}
const { pages } = JSON.parse(fs.readFileSync(path.join(lite, "pages.json")));
console.log("| notebook | seeds at most | cells | errors | differences | first explorer | all cells | natively |\n|---|---|---|---|---|---|---|---|");
for (const name of names.length ? names : Object.keys(pages)) {
  const file = given(path.join(lite, "app/files", `${name}.ipynb`));
  const seeds = /SWEEP_SEEDS=(\d+)"/.exec(fs.readFileSync(file, "utf8"));
  let rows, native;
  try {
    rows = told(process.execPath, [here, site, file], { LITE_ONE: "1" });
    const python = process.env.PYTHON || path.join(root, ".venv/bin/python");
    native = told(python, ["-m", "dlbook.reproducible", python, cells, file]);
  } catch (error) {
    console.log(`| ${name} | Python stopped: ${String(error.message).split("\n")[0]} |`);
    continue;
  }
  const explorer = rows.findIndex((row) => row.explores);
  const differing = rows.filter((row, i) => !row.error && row.said !== native[i].said);
  const found = {
    seeds: seeds && Number(seeds[1]), cells: rows.length, errors: rows.filter((row) => row.error).length, differences: differing.length,
    first: explorer < 0 ? null : sum(rows.slice(0, explorer + 1)),
    seconds: process.env.LITE_FIRST ? null : sum(rows), native: process.env.LITE_FIRST ? null : sum(native),
  };
  console.log(`| ${name} | ${found.seeds || "all"} | ${found.cells} | ${found.errors} | ${found.differences} | ${found.first ?? "none"} s | ${found.seconds ?? "not run"} s | ${found.native ?? "not run"} s |`);
  for (const [i, row] of rows.entries()) {
    const { said } = native[i];
    if (row.error || row.said !== said) {
      const at = [...said].findIndex((letter, j) => letter !== row.said[j]);
      console.log(`  cell ${row.cell}: ${row.error || `… ${said.slice(Math.max(0, at - 30), at + 40)} … is … ${row.said.slice(Math.max(0, at - 30), at + 40)} …`}`.replace(/\n/g, " "));
    }
  }
  console.log(`  slowest cells: ${rows.toSorted((a, b) => b.seconds - a.seconds).slice(0, 4).map((row) => `${row.cell}: ${row.seconds.toFixed(0)} s`).join(", ")}`);
  if (!name.startsWith("exercises/")) {
    const kept = JSON.parse(fs.readFileSync(keep)); // anew: another run may have added to it
    kept[name] = found.seconds === null && kept[name]?.seconds ? { ...kept[name], first: found.first } : found;
    const lines = Object.keys(kept).sort().map((key) => ` "${key}": ${JSON.stringify(kept[key])}`);
    fs.writeFileSync(keep, `{\n${lines.join(",\n")}\n}\n`);
  }
}
