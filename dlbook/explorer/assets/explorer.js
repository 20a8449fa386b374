// The explorer on a static page: which picture belongs to these sliders?
//
// Every <figure class="explorer"> carries a table of pictures and sentences, in row-major order of its controls.
// A control moves: look the setting up, swap the picture, its alt text and the sentence. The pictures one move
// away are fetched and decoded ahead, so the swap is painted with the next frame. No request leaves the site's
// own folder, and nothing is fetched by script, so pages work from file://.
"use strict";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const PAUSE = 450; // milliseconds between two pictures while playing
const KEPT = 160; // decoded pictures kept for one figure

const replaced = (list, i, value) => list.map((old, at) => (at === i ? value : old));

class Explorer {
  constructor(figure) {
    this.figure = figure;
    this.form = figure.querySelector("form");
    this.img = figure.querySelector("img");
    this.output = figure.querySelector("output");
    this.table = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    this.controls = [...this.form.querySelectorAll(".explorer-control")];
    this.ahead = new Map();
    this.form.hidden = false;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", (event) => {
      this.pause();
      this.show();
    });
    for (const event of ["pointerenter", "focusin"]) {
      figure.addEventListener(event, () => this.lookAhead(), { once: true });
    }
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

  get setting() {
    return this.controls.map((control) => {
      const input = control.querySelector("select, input[type=range], input:checked");
      return Number(input.value);
    });
  }

  place(setting) {
    return setting.reduce((place, index, i) => place * this.table.shape[i] + index, 0);
  }

  url(setting) {
    return `${this.table.folder}/${this.table.files[this.table.frames[this.place(setting)]]}`;
  }

  show() {
    const setting = this.setting;
    this.controls.forEach((control, i) => {
      const values = this.table.values[i];
      if (!values) return;
      const value = values[setting[i]];
      control.querySelector("input").setAttribute("aria-valuetext", value);
      control.querySelector(".explorer-value").textContent = value;
    });
    const sentence = this.table.sentences[this.place(setting)];
    this.img.src = this.url(setting);
    this.img.alt = sentence;
    this.output.textContent = sentence;
    clearTimeout(this.later);
    this.later = setTimeout(() => this.lookAhead(), 120);
  }

  fetch(setting) {
    const url = this.url(setting);
    let picture = this.ahead.get(url);
    if (!picture) {
      picture = new Image();
      picture.src = url;
      this.ahead.set(url, picture);
      if (this.ahead.size > KEPT) this.ahead.delete(this.ahead.keys().next().value);
    }
    return picture.decode().catch(() => {});
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
    this.show();
  }

  async play() {
    const playing = (this.playing = {});
    this.button.textContent = "Pause";
    this.output.setAttribute("aria-live", "off");
    if (this.slider.value === this.slider.max) {
      this.slider.value = 0;
      this.show();
    }
    while (this.playing === playing && this.slider.value !== this.slider.max) {
      const next = replaced(this.setting, this.played, Number(this.slider.value) + 1);
      await Promise.all([this.fetch(next), new Promise((done) => setTimeout(done, PAUSE))]);
      if (this.playing !== playing) return;
      this.slider.value = next[this.played];
      this.show();
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
// pictures that nobody has asked for yet wait until the page stands
addEventListener("load", () => explorers.forEach((explorer) => explorer.watch()));
