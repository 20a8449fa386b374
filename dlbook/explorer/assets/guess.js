// Draw your guess: how does the curve run, before the measured one appears?
//
// Every <figure class="guess"> carries the measured curve and three to choose from, as places between 0 (the
// axis' lower end) and 1. Whoever draws moves a pointer over the axes; others choose.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [420, 262];
const [LEFT, RIGHT, TOP, BOTTOM] = [54, 14, 28, 42];

function svg(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function html(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

class Guess {
  constructor(figure) {
    this.figure = figure;
    this.data = JSON.parse(figure.querySelector("script").textContent);
    this.answer = figure.querySelector("details");
    this.sentence = this.answer.querySelector("p").textContent;
    this.question = figure.querySelector(".explorer-title span").textContent;
    this.n = this.data.x.length;
    this.drawn = Array(this.n).fill(null);
    this.plot = this.axes();
    this.mine = svg("polyline", { class: "guess-mine" });
    this.measured = svg("polyline", { class: "guess-measured" });
    this.plot.append(this.measured, this.mine);
    this.said = html("output", { "aria-live": "polite" });
    this.choice = this.choices();
    this.compare = this.button("Compare", () => this.reveal());
    this.offer = this.button("Choose among three curves", () => this.choose());
    this.skip = this.button("Show the answer", () => this.show(this.sentence));
    this.again = this.button("Guess again", () => this.clear());
    const buttons = html("div", { class: "guess-buttons" }, this.compare, this.offer, this.skip, this.again);
    this.answer.before(this.plot, this.choice, buttons, this.said);
    this.answer.hidden = true;
    this.clear();
    this.listen();
  }

  button(text, act) {
    const element = html("button", { type: "button" }, text);
    element.addEventListener("click", act);
    return element;
  }

  x(i) {
    return LEFT + ((WIDTH - LEFT - RIGHT) * i) / (this.n - 1);
  }

  y(place) {
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - place);
  }

  axes() {
    const { x, labels, ticks } = this.data;
    const plot = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "guess-plot" });
    for (const [place, text] of ticks) {
      plot.append(svg("path", { d: `M${LEFT} ${this.y(place)}H${WIDTH - RIGHT}` }));
      plot.append(svg("text", { x: LEFT - 6, y: this.y(place) + 4, "text-anchor": "end" }, text));
    }
    // as many of the values as have room
    const widest = 8 * Math.max(...x.map((text) => text.length)) + 8;
    const every = Math.ceil((widest * (this.n - 1)) / (WIDTH - LEFT - RIGHT));
    x.forEach((text, i) => {
      plot.append(svg("path", { d: `M${this.x(i)} ${this.y(0)}v4` }));
      if (i % every) return;
      const x = Math.min(this.x(i), WIDTH - 4.5 * text.length); // the last one must not be cut at the edge
      plot.append(svg("text", { x, y: this.y(0) + 17, "text-anchor": "middle" }, text));
    });
    plot.append(svg("path", { d: `M${LEFT} ${TOP}V${this.y(0)}H${WIDTH - RIGHT}`, class: "guess-axis" }));
    plot.append(svg("text", { x: LEFT, y: 15, class: "guess-label" }, labels[1]));
    const middle = (LEFT + WIDTH - RIGHT) / 2;
    plot.append(svg("text", { x: middle, y: HEIGHT - 6, "text-anchor": "middle" }, labels[0]));
    return plot;
  }

  choices() {
    const name = `${this.figure.id}-curve`;
    const group = html("fieldset", { class: "guess-choice" }, html("legend", {}, "Which curve is it?"));
    this.data.curves.forEach((curve, i) => {
      const radio = html("input", { type: "radio", name });
      radio.addEventListener("change", () => {
        this.drawn = [...curve.places];
        this.draw();
      });
      group.append(html("label", {}, radio, html("span", {}, `${"ABC"[i]}. ${curve.words}.`)));
    });
    return group;
  }

  listen() {
    let last = null;
    const at = (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.plot.getScreenCTM().inverse());
      const along = ((point.x - LEFT) / (WIDTH - LEFT - RIGHT)) * (this.n - 1);
      const place = 1 - (point.y - TOP) / (HEIGHT - TOP - BOTTOM);
      return [Math.min(this.n - 1, Math.max(0, along)), Math.min(1, Math.max(0, place))];
    };
    this.plot.addEventListener("pointerdown", (event) => {
      if (this.done) return;
      this.plot.setPointerCapture(event.pointerId);
      last = at(event);
      this.drawn[Math.round(last[0])] = last[1];
      this.draw();
    });
    // every value that the pointer has passed gets the height that it had there
    this.plot.addEventListener("pointermove", (event) => {
      if (!last || this.done) return;
      const next = at(event);
      const [[i, a], [j, b]] = [last, next];
      for (let k = Math.ceil(Math.min(i, j)); k <= Math.max(i, j); k++) {
        this.drawn[k] = i === j ? b : a + ((b - a) * (k - i)) / (j - i);
      }
      last = next;
      this.draw();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.plot.addEventListener(end, () => {
        if (last && !this.done) this.drawn[Math.round(last[0])] ??= last[1];
        last = null;
        this.draw();
      });
    }
  }

  points(places) {
    return places.map((place, i) => [this.x(i), this.y(place)].map((v) => v.toFixed(1)).join()).join(" ");
  }

  draw() {
    const known = this.drawn.flatMap((place, i) => (place === null ? [] : [[i, place]]));
    this.mine.setAttribute("points", known.map(([i, place]) => `${this.x(i)},${this.y(place)}`).join(" "));
    this.compare.disabled = known.length < 2;
  }

  // what is missing lies on the line between its neighbours, or level beyond the ends
  whole() {
    const known = this.drawn.flatMap((place, i) => (place === null ? [] : [[i, place]]));
    return this.drawn.map((place, i) => {
      if (place !== null) return place;
      const before = known.filter(([k]) => k < i).pop() || known[0];
      const after = known.find(([k]) => k > i) || before;
      const [[a, from], [b, to]] = [before, after];
      return a === b ? from : from + ((to - from) * (i - a)) / (b - a);
    });
  }

  reveal() {
    this.drawn = this.whole();
    const off = this.drawn.map((place, i) => Math.abs(place - this.data.measured[i]));
    const mean = off.reduce((sum, one) => sum + one) / this.n;
    const worst = off.indexOf(Math.max(...off));
    this.draw();
    if (mean < 0.005) return this.show(`Right. ${this.sentence}`);
    this.show(
      `On average it is off by ${this.difference(mean)}, most at ${this.data.x[worst]}: by ` +
        `${this.difference(off[worst])}. ${this.sentence}`,
    );
  }

  difference(distance) {
    const { span, log, digits, unit } = this.data;
    if (!log) return (distance * span).toFixed(digits) + unit;
    const factor = 10 ** (distance * span);
    return `a factor of ${factor < 1000 ? Number(factor.toPrecision(2)) : Math.round(factor).toLocaleString("en")}`;
  }

  show(text) {
    this.done = true;
    this.measured.setAttribute("points", this.points(this.data.measured));
    this.plot.setAttribute("aria-label", `${this.question} ${this.sentence}`);
    this.said.textContent = text;
    for (const gone of [this.compare, this.offer, this.skip, this.choice]) gone.hidden = true;
    this.again.hidden = false;
    this.figure.classList.add("guess-done");
    if (this.figure.contains(document.activeElement) || document.activeElement === document.body) this.again.focus({ preventScroll: true });
  }

  choose() {
    this.choice.hidden = false;
    this.offer.hidden = true;
    this.choice.querySelector("input").focus();
  }

  clear() {
    this.done = false;
    this.drawn.fill(null);
    this.measured.setAttribute("points", "");
    this.plot.setAttribute("aria-label", `Empty axes: ${this.data.labels[1]} by ${this.data.labels[0]}`);
    this.said.textContent = "Draw the curve with a finger or the mouse.";
    for (const radio of this.choice.querySelectorAll("input")) radio.checked = false;
    for (const back of [this.compare, this.offer, this.skip]) back.hidden = false;
    this.choice.hidden = this.again.hidden = true;
    this.figure.classList.remove("guess-done");
    this.draw();
  }
}

for (const figure of document.querySelectorAll("figure.guess")) new Guess(figure);
