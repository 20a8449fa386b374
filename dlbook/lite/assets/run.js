// Opens one notebook of the book in JupyterLite, in a frame below a bar of its own: the way back, what is kept
// and of which edition, download, start again. Nothing is loaded from another host.
"use strict";

(() => {
  const at = (id) => document.getElementById(id);
  const asked = new URLSearchParams(location.search).get("notebook") || "";
  const name = /^[\w-]+(\/[\w-]+)?$/.test(asked) ? asked : "";
  const page = name ? `../chapters/${name}.html` : "../index.html";
  const path = `${name}.ipynb`;
  at("back").href = page;

  function say(text) {
    at("state").textContent = text;
  }

  function note(text, ...buttons) {
    at("note").hidden = !text;
    at("note").replaceChildren(text, ...buttons.flatMap(([label, act]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.onclick = act;
      return [" ", button];
    }));
  }

  function refuse(text, ...buttons) {
    say("");
    note(text, ...buttons);
  }

  // the choice that the reader made on the site, and else the system's
  function isDark() {
    let mode = "auto";
    try {
      mode = localStorage.getItem("mode") || "auto";
    } catch {
      mode = "auto"; // storage is refused
    }
    return mode === "dark" || (mode === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  }
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";

  if (location.protocol === "file:") {
    return refuse(
      "A browser does not run Python from a file. In the folder of the site, run “python -m http.server”, " +
      "then open http://localhost:8000 and click the link again.");
  }
  if (typeof WebAssembly !== "object" || typeof Worker !== "function") {
    return refuse(
      "This browser cannot run Python: it has no WebAssembly, or it is switched off. Use a current Firefox, " +
      "Chrome, Edge or Safari, or go back and download the notebook for Jupyter.");
  }

  // where a reader blocks all cookies, JupyterLite does not open: it reads this storage at its start
  try {
    localStorage.getItem("mode");
  } catch {
    return refuse(
      "This browser keeps nothing for this site, and the notebook does not open without that. Allow its cookies and " +
      "site data, then reload this page, or go back and download the notebook for Jupyter.");
  }

  // FNV-1a of the cells' sources, the same as dlbook.lite.pages.sources_digest
  function sourcesDigest(notebook) {
    let digest = 0x811c9dc5;
    for (const cell of notebook.cells) {
      const source = Array.isArray(cell.source) ? cell.source.join("") : cell.source;
      for (const unit of `${cell.cell_type}\n${source}\n`.split("")) {
        digest = Math.imul(digest ^ unit.charCodeAt(0), 0x01000193);
      }
    }
    return (digest >>> 0).toString(16).padStart(8, "0");
  }

  async function keepsData() {
    return new Promise((resolve) => {
      try {
        const request = indexedDB.open("run-here-test");
        request.onsuccess = () => {
          request.result.close();
          resolve(true);
        };
        request.onerror = () => resolve(false);
      } catch {
        resolve(false);
      }
    });
  }

  // one tab at a time: two would overwrite each other's answers
  function alone() {
    if (!navigator.locks) {
      return Promise.resolve(true); // a page without https: the browser cannot tell
    }
    return new Promise((resolve) => {
      navigator.locks.request(`lite:${location.pathname}:${name}`, { ifAvailable: true }, (lock) => {
        resolve(Boolean(lock));
        return lock ? new Promise(() => {}) : undefined; // held until the tab is closed
      });
    });
  }

  async function fresh(address) {
    const answer = await fetch(address, { cache: "no-cache" }); // asks the server whether it has changed
    if (!answer.ok) {
      throw new Error(`${address}: ${answer.status}`);
    }
    return answer.text();
  }

  function wait(condition) {
    return new Promise((resolve) => {
      (function look() {
        const found = condition();
        if (found) {
          resolve(found);
        } else {
          setTimeout(look, 100);
        }
      })();
    });
  }

  // says that something is late, if nothing else is said; call what it returns when the thing is there
  function late(seconds, text) {
    let isThere = false, isSaid = false;
    setTimeout(() => {
      if (!isThere && at("note").hidden) {
        isSaid = true;
        note(text);
      }
    }, 1000 * seconds);
    return () => {
      isThere = true;
      if (isSaid && at("note").textContent === text) {
        note("");
      }
    };
  }

  function save(panel) {
    return panel.context.model.dirty ? panel.context.save().catch(() => {}) : Promise.resolve();
  }

  function download(panel) {
    const notebook = panel.context.model.toJSON();
    const { install } = notebook.metadata.book || {};
    notebook.cells = [install, ...notebook.cells.filter((cell) => !["live", "pace"].includes(cell.id))].filter(Boolean);
    delete notebook.metadata.book;
    notebook.metadata.kernelspec = { name: "python3", display_name: "Python 3 (ipykernel)", language: "python" };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(notebook, null, 1)], { type: "application/x-ipynb+json" }));
    link.download = path.split("/").pop();
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async function startAgain(panel) {
    const theirs = JSON.parse(await fresh(`app/files/${path}`));
    panel.context.model.fromJSON(theirs);
    await panel.context.save();
    note("");
    progress(panel);
  }

  // how many of an exercise's checks have passed when they were run last
  function progress(panel) {
    const checks = panel.context.model.toJSON().cells.filter((cell) => (cell.metadata.nbgrader || {}).grade && cell.cell_type === "code");
    const passed = checks.filter((cell) => cell.execution_count && !cell.outputs.some((output) => output.output_type === "error"));
    at("progress").textContent = checks.length ? `${passed.length} of ${checks.length} checks pass` : "";
    remember(passed.length, checks.length);
  }

  // for the book's pages, which show it beside their links (reading.js)
  function remember(passed, checks) {
    try {
      const kept = JSON.parse(localStorage.getItem("book-passed") || "{}");
      delete kept[name];
      if (passed) {
        kept[name] = [passed, checks];
      }
      localStorage.setItem("book-passed", JSON.stringify(kept));
    } catch {
      // storage is refused: the notebook says so
    }
  }

  async function start() {
    if (!(await alone())) {
      return refuse(
        "This notebook is open in another tab, and two would overwrite each other’s answers. Close the other tab, then open it here.",
        ["Open it here", () => location.reload()]);
    }
    let about;
    try {
      about = JSON.parse(await fresh("pages.json"));
    } catch {
      return refuse("The list of notebooks could not be loaded. Check your connection, then reload this page.");
    }
    const known = about.pages[name];
    if (!known) {
      say("");
      const list = document.createElement("ul");
      for (const [other, { title }] of Object.entries(about.pages)) {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = `?notebook=${other}`;
        link.textContent = title;
        item.append(link);
        list.append(item);
      }
      note(asked ? `The book has no notebook “${asked}”. It has these:` : "The notebooks of the book:");
      return at("notebook").replaceChildren(list);
    }
    document.title = `${known.title} (live)`;
    at("back").textContent = "Back to the page";
    const storage = await keepsData();
    const listing = name.includes("/") ? ["", `${name.split("/")[0]}/`] : [""];
    const unnamed = [ // what keeps its address from edition to edition
      "app/index.html", "app/jupyter-lite.json", "app/config-utils.js", "app/notebooks/index.html", "app/notebooks/jupyter-lite.json",
      `app/files/${path}`, ...listing.map((folder) => `app/api/contents/${folder}all.json`),
    ];
    try {
      await Promise.all([about.lock, `${about.python}/pyodide.js`, ...unnamed].map(fresh));
    } catch (error) {
      return refuse(`A part of this site is missing (${error.message}). Reload the page; if that does not help, the site has to be built again.`);
    }
    say("Loading the notebook …");
    const frame = document.createElement("iframe");
    frame.title = known.title;
    frame.src = `app/notebooks/index.html?path=${encodeURIComponent(path)}`;
    at("notebook").replaceChildren(frame);
    let app, panel;
    const opens = late(120, "The notebook is taking long to open. On a slow connection that is the download; otherwise reload this page.");
    try {
      app = await wait(() => frame.contentWindow.jupyterapp);
      await app.restored;
      panel = await wait(() => app.shell.currentWidget && app.shell.currentWidget.context && app.shell.currentWidget);
      await panel.context.ready;
      opens();
    } catch {
      return refuse("The notebook did not open. Reload this page; if that does not help, download the notebook from the book’s page.");
    }
    window.opened = { app, panel };
    const style = frame.contentDocument.createElement("style");
    style.textContent = "#jp-NotebookLogo, .jp-NotebookCheckpoint, .jp-NotebookTrustedStatus, [data-command='application:open-lab'] { display: none !important; }";
    frame.contentDocument.head.append(style);
    // a link to another page of the book opens it in this page's own way, not in a bare JupyterLite
    frame.contentDocument.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-commandlinker-args]");
      const { path: to, id } = link ? JSON.parse(link.dataset.commandlinkerArgs) : {};
      const found = /^(.+)\.(ipynb|md)$/.exec(to || "");
      if (found) {
        event.preventDefault();
        event.stopImmediatePropagation();
        const isLive = found[2] === "ipynb" && about.pages[found[1]];
        window.open(isLive ? `?notebook=${found[1]}` : `../chapters/${found[1]}.html${id || ""}`);
      }
    }, true);
    if (isDark()) {
      app.commands.execute("apputils:change-theme", { theme: "JupyterLab Dark" });
    }
    follow(panel);
    await compare(panel, known, about.edition);
    if (!storage) {
      note("This browser refuses to keep your answers. Download the notebook before you close this page.");
    }
    progress(panel);
    lookForWheels(about).catch(() => {}); // the connection is gone: what is loaded works on
    at("tools").hidden = false;
    at("all").onclick = () => app.commands.execute("notebook:run-all-cells");
    at("stop").onclick = () => panel.sessionContext.session?.kernel?.restart();
    at("download").onclick = at("keep-copy").onclick = () => download(panel);
    at("again").onclick = () => {
      at("sure").returnValue = "cancel";
      at("sure").showModal();
    };
    at("sure").onclose = () => at("sure").returnValue === "again" && startAgain(panel);
    panel.context.model.contentChanged.connect(() => {
      clearTimeout(start.later);
      start.later = setTimeout(() => {
        save(panel);
        progress(panel);
      }, 500);
    });
    addEventListener("pagehide", () => save(panel));
  }

  // a wheel that is missing would show only as a Python that never starts
  async function lookForWheels(about) {
    const { packages } = JSON.parse(await fresh(about.lock));
    const folder = new URL(`${about.python}/`, location.href);
    const found = await Promise.all(Object.values(packages).map(async ({ file_name: file }) => {
      const answer = await fetch(new URL(file, folder), { method: "HEAD" }).catch(() => null);
      return answer && !answer.ok ? file.split("/").pop() : "";
    }));
    const missing = found.filter(Boolean);
    if (missing.length) {
      note(`A part of this site is missing (${missing.join(", ")}), and Python may not start without it. The site has to be built again.`);
    }
  }

  // a saved copy hides the book's: renew it where the reader has changed nothing, else say how old it is
  async function compare(panel, known, edition) {
    const mine = panel.context.model.toJSON();
    const stamp = mine.metadata.book || {};
    if (stamp.copy === known.copy) {
      return;
    }
    if (stamp.sources === sourcesDigest(mine)) {
      return startAgain(panel);
    }
    note(
      `This is your copy, of the edition of ${stamp.edition || "an unknown day"}. The book has changed this page since (edition of ${edition}).`,
      ["Download my copy", () => download(panel)],
      ["Start again from the book’s version", () => at("again").click()]);
  }

  function follow(panel) {
    const told = { idle: "Python is ready", busy: "Python is running …", dead: "Python has stopped: press Stop to start it again" };
    const context = panel.sessionContext;
    const starts = late(90, "Python is taking long to start. On a slow connection that is the download; otherwise reload this page.");
    const show = () => {
      const status = context.kernelDisplayStatus;
      if (status === "idle") {
        starts();
      }
      say(told[status] || "Python is starting …");
    };
    context.statusChanged.connect(show);
    show();
  }

  start();
})();
