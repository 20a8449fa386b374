// How long does a notebook take in a browser, and does it say there what it says elsewhere?
//
//     node tests/benchmarks/bench_lite.mjs [_build/html] [adam momentum exercises/adam ...]
//
// Runs the notebooks of a built site with lite/ as they open there, a slow chapter with few seeds, an exercise
// with every task answered and then some answered wrongly (`solved.py`): under its Pyodide, and then in this
// machine's Python, each in a process of its own. PYTHON names that Python, LITE_SECONDS the CPU seconds after
// which a notebook is stopped, and LITE_FIRST=1 ends with a chapter's first explorer. Prints a table, and keeps
// it in dlbook/lite/assets/measured.json, from which a slow chapter's first cell tells its reader, and as a
// page in dlbook/lite/MEASURED.md. CPU time, so that a busy machine does not count.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(import.meta.url);
const root = path.resolve(path.dirname(here), "../..");
const keep = path.join(root, "dlbook/lite/assets/measured.json");
const cells = path.join(path.dirname(here), "run_cells.py");
const solve = path.join(path.dirname(here), "solved.py");
const limit = Number(process.env.LITE_SECONDS || 3600);

async function inPyodide(lite, files) {
  const require = createRequire(here);
  const { lock, python: folder } = JSON.parse(fs.readFileSync(path.join(lite, "pages.json")));
  const { loadPyodide } = require(path.join(lite, folder, "pyodide.js"));
  const silent = { stdout: () => {}, stderr: () => {} };
  const python = await loadPyodide({
    indexURL: path.join(lite, folder, "/"), lockFileURL: path.join(lite, lock), packages: ["dlcore", "ipywidgets", "matplotlib"], ...silent,
  });
  python.globals.set("CLOCK", () => process.cpuUsage().user / 1e6);
  for (const file of files) {
    python.globals.set("NOTEBOOK", fs.readFileSync(file, "utf8"));
    python.globals.set("TELL", (row) => console.log(JSON.stringify({ file, ...JSON.parse(row) })));
    python.runPython(fs.readFileSync(cells, "utf8"));
  }
  process.exit(0);
}

// the rows of the cells that have run within the limit
function told(program, given, environment = {}) {
  const options = { env: { ...process.env, ...environment }, maxBuffer: 1e9, stdio: ["ignore", "pipe", "ignore"] };
  const ran = spawnSync("sh", ["-c", 'ulimit -t "$0"; exec "$@"', String(limit), program, ...given], options);
  return ran.stdout.toString().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

// of a notebook, of its cells up to the first explorer, or of an exercise that is solved: the file that both Pythons run
function given(file, name, python) {
  const part = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "lite-")), path.basename(file));
  if (name.startsWith("exercises/")) {
    spawnSync(python, [solve, path.basename(name), file, part], { stdio: "inherit" });
    return part;
  }
  if (!process.env.LITE_FIRST) {
    return file;
  }
  const notebook = JSON.parse(fs.readFileSync(file, "utf8"));
  const last = notebook.cells.findIndex((cell) => cell.cell_type === "code" && cell.source.includes("explore("));
  notebook.cells = notebook.cells.slice(0, last + 1);
  fs.writeFileSync(part, JSON.stringify(notebook));
  return part;
}

function sum(rows) {
  return Math.round(rows.reduce((seconds, row) => seconds + row.seconds, 0));
}

// what is wrong with a cell: an error that nobody expects, or a mistake that is not named
function fault(row) {
  if (row.expects) {
    return `${row.error}${row.said}`.includes(row.expects) ? null : `does not say "${row.expects}": ${row.error}`;
  }
  return row.error;
}

// the table as a page: of chapters, and of exercises
function page(kept) {
  const names = Object.keys(kept).filter((name) => kept[name].cells);
  const told = (value) => value ?? "–";
  const all = ({ seconds, ran, cells: of }) => seconds ?? (ran ? `stopped after ${ran} of ${of} cells` : "–");
  const chapters = names.filter((name) => !name.startsWith("exercises/")).map((name) => {
    const found = kept[name];
    return `| ${name} | ${found.cells} | ${found.seeds ?? "all"} | ${told(found.first)} | ${all(found)} | ${told(found.native)} | ${found.errors} | ${found.differences} |`;
  });
  const exercises = names.filter((name) => name.startsWith("exercises/")).map((name) => {
    const found = kept[name];
    return `| ${name.slice(10)} | ${found.cells} | ${all(found)} | ${told(found.native)} | ${found.errors} | ${found.differences} | ${found.wrong} |`;
  });
  return `# What the notebooks take in a browser's Python

Written by \`tests/benchmarks/bench_lite.mjs\`, which runs every notebook as it opens in \`lite/\`. CPU seconds, under Pyodide in
Node and in this machine's Python, with the same seeds. A difference is a cell whose text is another than natively.

## Chapters

| chapter | cells | seeds at most | until the first explorer | all cells | natively | errors | differences |
|---|---|---|---|---|---|---|---|
${chapters.join("\n")}

## Exercises, with every task answered

Wrong answers are run after that; an error here is a right answer that is refused, or a mistake that is not named.
Exercises that are measured together share one Python, so only the first imports its packages.

| exercise | cells | all cells | natively | errors | differences | wrong answers |
|---|---|---|---|---|---|---|
${exercises.join("\n")}
`;
}

const [site = "_build/html", ...names] = process.argv.slice(2);
const lite = path.resolve(site, "lite");
if (process.env.LITE_ONE) {
  await inPyodide(lite, names);
}
const { pages } = JSON.parse(fs.readFileSync(path.join(lite, "pages.json")));
const python = process.env.PYTHON || path.join(root, ".venv/bin/python");
console.log("| notebook | seeds at most | cells | errors | differences | first explorer | all cells | natively |\n|---|---|---|---|---|---|---|---|");
const wanted = names.length ? names : Object.keys(pages);
// exercises are short, and Python's start is not: all of them are run in one process
const groups = [...wanted.filter((name) => !name.startsWith("exercises/")).map((name) => [name]), wanted.filter((name) => name.startsWith("exercises/"))];
for (const group of groups.filter((names) => names.length)) {
  const files = group.map((name) => given(path.join(lite, "app/files", `${name}.ipynb`), name, python));
  const theirs = told(process.execPath, [here, site, ...files], { LITE_ONE: "1" });
  const ours = told(python, ["-m", "dlbook.reproducible", python, cells, ...files]);
  for (const [i, file] of files.entries()) {
    compare(group[i], fs.readFileSync(file, "utf8"), theirs.filter((row) => row.file === file), ours.filter((row) => row.file === file));
  }
}

function compare(name, text, rows, native) {
  const seeds = /SWEEP_SEEDS=(\d+)"/.exec(text);
  const of = JSON.parse(text).cells.filter((cell) => cell.cell_type === "code" && cell.id !== "pace").length;
  if (native.length < of || !rows.length) {
    console.log(`| ${name} | ran ${rows.length} of ${of} cells in the browser's Python and ${native.length} natively |`);
    return;
  }
  const isWhole = rows.length === of && !process.env.LITE_FIRST;
  const explorer = rows.findIndex((row) => row.explores);
  const differing = rows.filter((row, i) => !fault(row) && row.said !== native[i].said);
  const found = {
    seeds: seeds && Number(seeds[1]), cells: of, errors: rows.filter(fault).length, differences: differing.length,
    first: explorer < 0 ? null : sum(rows.slice(0, explorer + 1)), seconds: isWhole ? sum(rows) : null, native: isWhole ? sum(native) : null,
  };
  if (rows.length < of) {
    Object.assign(found, { ran: rows.length, limit });
  }
  if (name.startsWith("exercises/")) {
    found.wrong = rows.filter((row) => row.expects).length;
  }
  console.log(`| ${name} | ${found.seeds || "all"} | ${rows.length} of ${of} | ${found.errors} | ${found.differences} | ${found.first ?? "none"} s | ${found.seconds ?? "not run"} s | ${found.native ?? "not run"} s |`);
  for (const [i, row] of rows.entries()) {
    const { said } = native[i];
    if (fault(row) || row.said !== said) {
      const at = [...said].findIndex((letter, j) => letter !== row.said[j]);
      console.log(`  cell ${row.cell}: ${fault(row) || `… ${said.slice(Math.max(0, at - 30), at + 40)} … is … ${row.said.slice(Math.max(0, at - 30), at + 40)} …`}`.replace(/\n/g, " "));
    }
  }
  console.log(`  slowest cells: ${rows.toSorted((a, b) => b.seconds - a.seconds).slice(0, 4).map((row) => `${row.cell}: ${row.seconds.toFixed(0)} s`).join(", ")}`);
  const kept = JSON.parse(fs.readFileSync(keep)); // anew: another run may have added to it
  kept[name] = process.env.LITE_FIRST && kept[name]?.seconds ? { ...kept[name], first: found.first } : found;
  const lines = Object.keys(kept).sort().map((key) => ` "${key}": ${JSON.stringify(kept[key])}`);
  fs.writeFileSync(keep, `{\n${lines.join(",\n")}\n}\n`);
  fs.writeFileSync(path.join(root, "dlbook/lite/MEASURED.md"), page(kept));
}
