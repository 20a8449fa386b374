// The explorer on a static page: which picture belongs to these sliders?
//
// Every <figure class="explorer"> carries a table of pictures and sentences, in row-major order of its controls.
// A control moves: look the setting up, swap the picture, its alt text and the sentence, all three at once. The
// pictures one move away are fetched and decoded ahead, so the swap is painted with the next frame. No request
// leaves the site's own folder, and nothing is fetched by script, so pages work from file://.
//
// The address says the state: #plane:rate=1.9,momentum=0. What it does not know it leaves at the default.
"use strict";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const PAUSE = 450; // milliseconds between two pictures while playing
const LATE = 150; // milliseconds after which a picture that is not there is marked
const KEPT = 160; // decoded pictures kept for one figure

const replaced = (list, i, value) => list.map((old, at) => (at === i ? value : old));
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

function made(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

class Explorer {
  constructor(figure) {
    this.figure = figure;
    this.form = figure.querySelector("form");
    this.pictures = [...figure.querySelectorAll("img")];
    this.output = figure.querySelector("output");
    this.table = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    this.controls = [...this.form.querySelectorAll(".explorer-control")];
    this.ahead = new Map();
    this.form.hidden = false;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => {
      this.pause();
      this.moved();
    });
    for (const event of ["pointerenter", "focusin"]) {
      figure.addEventListener(event, () => this.lookAhead(), { once: true });
    }
    this.setUpTools();
    this.setUpPlay();
  }

  watch() {
    new IntersectionObserver((entries, observer) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        observer.disconnect();
        this.lookAhead();
      }
    }, { rootMargin: "200px" }).observe(this.figure);
  }

  get name() {
    return this.figure.dataset.name;
  }

  get setting() {
    return this.controls.map((control) => {
      const input = control.querySelector("select, input[type=range], input:checked");
      return Number(input.value);
    });
  }

  set setting(setting) {
    this.controls.forEach((control, i) => {
      const radio = control.querySelectorAll("input[type=radio]")[setting[i]];
      if (radio) radio.checked = true;
      else control.querySelector("select, input").value = setting[i];
    });
  }

  place(setting) {
    return setting.reduce((place, index, i) => place * this.table.shape[i] + index, 0);
  }

  url(setting) {
    return `${this.table.folder}/${this.table.files[this.table.frames[this.place(setting)]]}`;
  }

  // the reader moved a control
  moved() {
    this.say("");
    clearTimeout(this.named);
    this.named = setTimeout(() => history.replaceState(history.state, "", this.state), 300);
    return this.show();
  }

  async show() {
    const setting = this.setting;
    const url = this.url(setting);
    const asked = (this.asked = {}); // of several moves the last one counts
    clearTimeout(this.late);
    this.run = null;
    this.controls.forEach((control, i) => {
      const values = this.table.values[i];
      if (!values) return;
      const value = values[setting[i]];
      control.querySelector("input").setAttribute("aria-valuetext", value);
      control.querySelector(".explorer-value").textContent = value;
    });
    this.reset.hidden = setting.every((index, i) => index === this.table.start[i]);
    const known = this.ahead.get(url);
    let came = Boolean(known && known.complete && known.naturalWidth);
    if (!came) {
      this.figure.setAttribute("aria-busy", "true");
      this.late = setTimeout(() => this.figure.classList.add("explorer-late"), LATE);
      came = await this.fetch(setting);
      if (!came && this.asked === asked) {
        await pause(LATE);
        came = this.asked === asked && await this.fetch(setting);
      }
      if (this.asked !== asked) return;
      clearTimeout(this.late);
    }
    this.figure.removeAttribute("aria-busy");
    this.figure.classList.remove("explorer-late");
    this.figure.classList.toggle("explorer-failed", !came);
    const sentence = this.table.sentences[this.place(setting)];
    for (const picture of this.pictures) picture.src = url;
    this.pictures[0].alt = sentence;
    this.output.textContent = sentence;
    if (!came) this.say("The picture of this setting did not load. Move a control to try again.");
    clearTimeout(this.later);
    this.later = setTimeout(() => this.lookAhead(), 120);
  }

  // fetch and decode the picture of a setting; say whether it came
  async fetch(setting) {
    const url = this.url(setting);
    let picture = this.ahead.get(url);
    if (!picture) {
      picture = new Image();
      picture.src = url;
      this.ahead.set(url, picture);
      if (this.ahead.size > KEPT) this.ahead.delete(this.ahead.keys().next().value);
    }
    await picture.decode().catch(() => {});
    const came = picture.complete && picture.naturalWidth > 0;
    if (!came) this.ahead.delete(url);
    return came;
  }

  // all settings that one control can reach from here, the nearest first
  async lookAhead() {
    const here = this.setting;
    const near = [];
    here.forEach((index, i) => {
      for (let other = 0; other < this.table.shape[i]; other++) {
        if (other !== index) near.push([Math.abs(other - index), replaced(here, i, other)]);
      }
    });
    near.sort((a, b) => a[0] - b[0]);
    const run = (this.run = {});
    for (let at = 0; at < near.length && this.run === run; at += 4) {
      await Promise.all(near.slice(at, at + 4).map(([, setting]) => this.fetch(setting)));
    }
  }

  // the state as the end of an address
  get state() {
    const setting = this.setting;
    const said = this.table.names.map((name, i) => `${name}=${this.table.keys[i][setting[i]]}`);
    return `#${this.name}:${said.join()}`;
  }

  // go to the state that an address gives
  open(state) {
    let broken = false;
    const setting = [...this.table.start];
    for (const part of state.split(",").filter(Boolean)) {
      const [name, key] = part.split("=");
      const control = this.table.names.indexOf(name);
      const value = (this.table.keys[control] || []).indexOf((key || "").toLowerCase());
      if (value < 0) broken = true;
      else setting[control] = value;
    }
    this.pause();
    this.setting = setting;
    this.show();
    this.say(broken ? "The link asks for a setting that is not here. What it does not name right is at its default." : "");
  }

  say(text) {
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  setUpTools() {
    const title = this.figure.querySelector(".explorer-title");
    const name = title.querySelector("b").textContent;
    const button = (text, act) => {
      const element = made("button", { type: "button" }, text);
      element.addEventListener("click", act);
      return element;
    };
    this.note = made("p", { class: "explorer-note", role: "status" });
    this.reset = button("Reset", () => {
      this.pause();
      this.setting = this.table.start;
      this.moved();
      this.form.querySelector("input:checked, input, select").focus();
    });
    this.reset.setAttribute("aria-label", `Reset ${name}`);
    this.reset.hidden = true;
    const link = (text) => made("a", { target: "_blank", rel: "noopener" }, text);
    const save = link("Save the picture");
    const alone = link("Open it alone");
    const menu = made("details", { class: "explorer-menu" },
      made("summary", { "aria-label": `Share ${name}` }, "Share"));
    const items = made("div", {},
      button("Copy the link", () => this.copy(this.address, "The link to this state is copied.")),
      button("Copy the sentence", () => this.copy(this.output.textContent, "The sentence is copied.")),
      save);
    if (this.table.embed) {
      items.append(alone, button("Copy the embed code", () => this.copy(this.frame, "The embed code is copied.")));
    }
    menu.append(items);
    save.download = `${this.name}.svg`;
    const lead = () => {
      save.href = this.pictures[0].src;
      alone.href = (this.table.embed || "") + this.state;
    };
    lead(); // at once: a link that leads nowhere is a fault, even in a closed menu
    menu.addEventListener("toggle", lead);
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
    menu.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
    });
    document.addEventListener("pointerdown", (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    this.menu = menu;
    title.after(made("div", { class: "explorer-tools" }, this.reset, menu));
    this.figure.append(this.note);
  }

  get address() {
    return new URL(this.state, new URL(this.table.page || "", location.href.split("#")[0])).href;
  }

  get frame() {
    const url = new URL(this.table.embed + this.state, location.href).href;
    const title = this.figure.querySelector(".explorer-title").textContent.replace(/["<&]/g, "");
    return `<iframe src="${url}" title="${title}" width="100%" height="${this.figure.offsetHeight + 60}"></iframe>`;
  }

  async copy(text, done) {
    this.menu.open = false;
    this.menu.querySelector("summary").focus();
    try {
      await navigator.clipboard.writeText(text);
      this.say(done);
    } catch {
      this.say(text); // for her to copy by hand
    }
  }

  setUpPlay() {
    const group = this.form.querySelector(".explorer-play");
    if (!group) return;
    this.played = Number(group.dataset.control);
    this.slider = this.controls[this.played].querySelector("input");
    this.button = group.querySelector("[data-do=play]");
    const offer = () => {
      this.button.hidden = STILL.matches;
      if (STILL.matches) this.pause();
    };
    STILL.addEventListener("change", offer);
    offer();
    group.querySelector("[data-do=back]").addEventListener("click", () => this.step(-1));
    group.querySelector("[data-do=forward]").addEventListener("click", () => this.step(1));
    this.button.addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    new IntersectionObserver((entries) => {
      if (!entries[0].isIntersecting) this.pause();
    }).observe(this.figure);
  }

  step(by) {
    this.pause();
    this.slider.value = Number(this.slider.value) + by;
    this.moved();
  }

  async play() {
    const playing = (this.playing = {});
    this.button.textContent = "Pause";
    this.output.setAttribute("aria-live", "off");
    if (this.slider.value === this.slider.max) {
      this.slider.value = 0;
      this.moved();
    }
    while (this.playing === playing && this.slider.value !== this.slider.max) {
      const next = replaced(this.setting, this.played, Number(this.slider.value) + 1);
      await Promise.all([this.fetch(next), pause(PAUSE)]);
      if (this.playing !== playing) return;
      this.slider.value = next[this.played];
      this.moved();
    }
    this.pause();
  }

  pause() {
    if (!this.playing) return;
    this.playing = null;
    this.button.textContent = "Play";
    this.output.setAttribute("aria-live", "polite");
  }
}

const explorers = [...document.querySelectorAll("figure.explorer")].map((figure) => new Explorer(figure));

// bring the explorer that the address names to its state; return it
function opened() {
  let hash = location.hash.slice(1);
  try {
    hash = decodeURIComponent(hash);
  } catch {
    // cut off in the middle of a letter: read what is there
  }
  const [, name, state] = hash.match(/^([^:]*):(.*)$/) || [];
  const explorer = explorers.find((explorer) => explorer.name === name);
  if (explorer) explorer.open(state);
  return explorer;
}

function bringIntoSight(explorer) {
  explorer.figure.scrollIntoView({ behavior: "instant", block: "start" });
}

let linked = opened();
addEventListener("hashchange", () => {
  linked = opened();
  if (linked) bringIntoSight(linked);
});
// who comes back or reloads is where she was; for others formulas may still move the page
const [visit] = performance.getEntriesByType("navigation");
if (linked && !(visit && /reload|back/.test(visit.type))) {
  let here = true;
  const stay = () => (here = false);
  for (const event of ["wheel", "touchstart", "keydown", "pointerdown"]) addEventListener(event, stay, { once: true });
  bringIntoSight(linked);
  addEventListener("load", () => setTimeout(() => here && linked && bringIntoSight(linked), 300));
}

// pictures that nobody has asked for yet wait until the page stands
addEventListener("load", () => explorers.forEach((explorer) => explorer.watch()));
