// Just enough of a browser to run the script of an exploring page: node browser_stub.js PAGE HASH
"use strict";
const fs = require("fs");
const page = fs.readFileSync(process.argv[2], "utf8");
const made = {};
class Element {
  constructor(tag) { this.tag = tag; this.children = []; this.elements = []; this.listeners = {}; }
  append(...items) {
    for (const item of items) {
      if (!(item instanceof Element)) continue;
      this.children.push(item);
      for (const inner of [item, ...item.children]) {
        if (["input", "select"].includes(inner.tag)) this.elements.push(inner), (this.elements[inner.name] = inner);
      }
    }
  }
  get options() { return this.children; }
  get value() { return this.tag === "select" ? this._value ?? this.children[0].value : this._value; }
  set value(v) { this._value = String(v); }
  addEventListener(kind, call) { this.listeners[kind] = call; }
  select() {}
}
class Option extends Element { constructor(text, value) { super("option"); this._value = String(value); } }
const document = {
  getElementById: (id) => (made[id] ??= Object.assign(new Element(id), { _value: "field" })),
  createElement: (tag) => new Element(tag),
  addEventListener: () => {},
};
const location = { hash: process.argv[3] ?? "" };
const history = { replaceState: (a, b, hash) => { location.hash = hash; } };
const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map((m) => m[1]);
const run = new Function("document", "location", "history", "Option", "addEventListener", "module", scripts.join("\n") + "\n;take('0 5\\n1 6'); return DATA;");
run(document, location, history, Option, () => {}, undefined);
console.log(JSON.stringify({
  said: made.said.textContent, numbers: made.numbers.value, field: made.field.innerHTML,
  angle: made.angle.innerHTML, hash: location.hash,
}));
