// What a page does besides its figures: formulas, folds in print, the download menu, previews, what has been read.
(() => {
  const config = document.querySelector("script[data-formulas]");
  const here = document.documentElement.dataset.content_root;

  const load = (src) =>
    new Promise((loaded) => {
      const script = document.createElement("script");
      script.src = src;
      script.onload = loaded;
      document.head.append(script);
    });

  // formulas: once the text is there, nearest first (MathJax's own lazy mode)
  if (config) {
    const begin = () => load(config.dataset.formulas);
    if (document.readyState === "complete") begin();
    else addEventListener("load", begin);
  }

  // print: every answer and every piece of code is open, and closes again after it
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".bd-article details:not([open])")];
    opened.forEach((fold) => (fold.open = true));
  });
  addEventListener("afterprint", () => opened.forEach((fold) => (fold.open = false)));

  // the menus of the article's header
  for (const button of document.querySelectorAll("[data-bs-toggle=dropdown]")) {
    const menu = button.parentElement.querySelector(".dropdown-menu");
    const show = (open) => {
      menu.classList.toggle("show", open);
      button.setAttribute("aria-expanded", open);
    };
    button.addEventListener("click", () => show(!menu.classList.contains("show")));
    button.parentElement.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.classList.contains("show")) return;
      show(false);
      button.focus();
    });
    document.addEventListener("click", (event) => {
      if (!button.parentElement.contains(event.target)) show(false);
    });
    button.parentElement.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !button.parentElement.contains(event.relatedTarget)) show(false);
    });
  }

  // previews: what stands at the other end of a link to a source or a term
  const linked = /(references|glossary)\.html#([\w-]+)$/;
  const links = [...document.querySelectorAll(".bd-article a[href]")].filter((a) =>
    linked.test(a.getAttribute("href")),
  );
  if (links.length) {
    const box = document.createElement("div");
    box.id = "book-preview";
    box.setAttribute("role", "tooltip");
    box.hidden = true;
    let texts, wanted, timer;
    const hide = () => {
      clearTimeout(timer);
      wanted?.removeAttribute("aria-describedby");
      wanted = null;
      box.hidden = true;
    };
    const show = async (link) => {
      hide();
      wanted = link;
      texts ??= load(`${here}_static/previews.js`);
      await texts;
      const [, page, place] = linked.exec(link.getAttribute("href"));
      const text = window.bookPreviews?.[`${page}#${place}`];
      if (wanted !== link || !text) return;
      box.textContent = text;
      box.hidden = false;
      link.setAttribute("aria-describedby", box.id);
      const at = link.getClientRects()[0], width = Math.min(420, innerWidth - 16);
      box.style.width = `${width}px`;
      box.style.left = `${scrollX + Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
      const above = at.bottom + box.offsetHeight + 8 > innerHeight && at.top > box.offsetHeight + 8;
      box.style.top = `${scrollY + (above ? at.top - box.offsetHeight - 4 : at.bottom + 4)}px`;
    };
    const later = (action) => {
      clearTimeout(timer);
      timer = setTimeout(action, 150);
    };
    (document.querySelector("#main-content") ?? document.body).append(box);
    for (const link of links) {
      link.addEventListener("pointerenter", () => later(() => show(link)));
      link.addEventListener("pointerleave", () => later(hide));
      link.addEventListener("focus", () => show(link));
      link.addEventListener("blur", hide);
    }
    box.addEventListener("pointerenter", () => clearTimeout(timer));
    box.addEventListener("pointerleave", () => later(hide));
    addEventListener("keydown", (event) => event.key === "Escape" && hide());
  }

  // what has been read, and the checks that pass in a notebook that runs here (dlbook/lite/assets/run.js keeps them): in
  // this browser and nowhere else
  const KEY = "book-read", PASSED = "book-passed";
  const passedChecks = () => {
    try {
      return JSON.parse(localStorage.getItem(PASSED) ?? "{}");
    } catch {
      return {};
    }
  };
  const memory = {
    get: () => {
      try {
        return new Set(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
      } catch {
        return new Set();
      }
    },
    set: (pages) => {
      try {
        if (pages.size) localStorage.setItem(KEY, JSON.stringify([...pages]));
        else localStorage.removeItem(KEY);
      } catch {
        // a browser that keeps nothing: the page works, and forgets
      }
    },
  };
  const chapters = [...document.querySelectorAll(".bd-docs-nav a.reference.internal")];
  const nameOf = (link) => new URL(link.href).pathname.split("/").slice(-2).join("/");
  const own = location.pathname.split("/").slice(-2).join("/");
  const row = document.querySelector(".book-read");
  const mark = () => {
    const read = memory.get(), passed = passedChecks();
    for (const link of chapters) link.classList.toggle("book-was-read", read.has(nameOf(link)));
    for (const link of document.querySelectorAll("a.run-here")) {
      const [count, all] = passed[new URL(link.href).searchParams.get("notebook")] ?? [];
      let told = link.parentElement.querySelector(".book-passed");
      if (!told) {
        told = document.createElement("span");
        told.className = "book-passed";
        link.parentElement.append(told);
      }
      told.textContent = all ? ` ${count} of ${all} checks pass in this browser.` : "";
    }
    if (!row) return;
    const listed = new Set(chapters.map(nameOf));
    const count = [...read].filter((page) => listed.has(page)).length;
    const button = row.querySelector("[data-do=read]");
    row.hidden = false;
    button.setAttribute("aria-pressed", read.has(own));
    button.textContent = read.has(own) ? "Read ✓" : "Mark as read";
    button.hidden = !listed.has(own);
    row.querySelector(".book-progress").textContent = count ? `${count} of ${listed.size} pages read` : "";
    row.querySelector("[data-do=forget]").hidden = !count && !Object.keys(passed).length;
  };
  row?.addEventListener("click", (event) => {
    const action = event.target.dataset?.do;
    if (action === "forget") {
      memory.set(new Set());
      localStorage.removeItem(PASSED); // it is shown only where something is kept
    }
    if (action === "read") {
      const read = memory.get();
      if (!read.delete(own)) read.add(own);
      memory.set(read);
    }
    mark();
  });
  mark();
})();
