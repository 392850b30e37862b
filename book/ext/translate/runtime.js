/* What stands in for Python's own meaning where JavaScript's differs. A name with a $ can be none of Python's. */
const $fail = (message) => { throw new Error(message); };
const $kind = (x) => x === null ? "none" : Array.isArray(x) ? "list" :
  typeof x !== "object" ? typeof x : Object.getPrototypeOf(x) === Object.prototype ? "dict" : "tuple";
const $iterate = (x) =>
  Array.isArray(x) ? x : $kind(x) === "dict" ? Object.keys(x) : $fail("cannot iterate " + $kind(x));
// By numbers; what is equal keeps its order, here as there.
const $sorted = (x, key) => $iterate(x).slice().sort((a, b) => key(a) - key(b));
const $range = (from, to) => Array.from({ length: Math.max(to - from, 0) }, (_, k) => from + k);
const $size = (x) => Array.isArray(x) || typeof x === "string" ? x.length :
  $kind(x) === "dict" ? Object.keys(x).length : $fail("no length: " + $kind(x));
function $at(x, key) {
  if (Array.isArray(x) && key < 0) key += x.length;
  const value = x[key];
  return value === undefined || !Object.hasOwn(x, key) ? $fail("no item " + key) : value;
}
function $put(x, key, value) {
  if (Array.isArray(x) && !(key >= 0 && key < x.length)) $fail("no item " + key);
  x[key] = value;
}
const $contains = (x, item) => Array.isArray(x) ? x.some((other) => $same(other, item)) :
  $kind(x) === "dict" ? Object.hasOwn(x, item) : $fail("not a container: " + $kind(x));
const $same = (a, b) => a !== null && b !== null && (typeof a === "object" || typeof b === "object") ?
  $fail("objects are not compared by value") : a === b;
const $truth = (x) => typeof x === "boolean" ? x : typeof x === "number" ? x !== 0 : x === null ? false :
  typeof x === "string" || Array.isArray(x) || $kind(x) === "dict" ? $size(x) > 0 : $fail("no truth: " + $kind(x));
const $index = (x, item) => { const k = x.indexOf(item); return k < 0 ? $fail("not in list: " + item) : k; };
function $replace(x, changes) {
  for (const name of Object.keys(changes)) if (!Object.hasOwn(x, name)) $fail("no field " + name);
  return Object.assign(Object.create(Object.getPrototypeOf(x)), x, changes);
}
const $text = (x) => typeof x === "string" ? x : $fail("a format is needed for " + $kind(x));
const $join = (separator, x) => x.map($text).join(separator);

/* Python rounds what lies halfway to the even digit, JavaScript up; `long` tells whether `short` was such a case. */
function $even(short, long, end) {
  const tail = long.slice(end), last = +short.replace(/[^0-9]*$/, "").slice(-1);
  return /^50*$/.test(tail) && last % 2 ? long.slice(0, end).replace(/\.$/, "") : short;
}
function $fixed(x, digits) {
  if (x >= 1e21) $fail("too large to print: " + x);
  const long = x.toFixed(Math.min(digits + 60, 100));
  return $even(x.toFixed(digits), long, long.indexOf(".") + 1 + digits);
}
function $general(x, digits) {
  if (x === 0) return "0";
  const count = Math.max(digits, 1) - 1;
  const [short, power] = x.toExponential(count).split("e");
  const [long, before] = x.toExponential(Math.min(count + 60, 100)).split("e");
  let text = power === before ? $even(short, long, 2 + count) : short;
  const exponent = +power, strip = (s) => s.includes(".") ? s.replace(/\.?0+$/, "") : s;
  if (exponent >= -4 && exponent <= count) {
    const plain = text.replace(".", "");
    return exponent < 0 ? strip("0." + "0".repeat(-exponent - 1) + plain) :
      strip(plain.slice(0, exponent + 1) + (exponent < count ? "." + plain.slice(exponent + 1) : ""));
  }
  return strip(text) + "e" + (exponent < 0 ? "-" : "+") + String(Math.abs(exponent)).padStart(2, "0");
}
function $format(x, group, digits, type) {
  if (typeof x !== "number") $fail("not a number: " + $kind(x));
  const percent = type === "%" ? "%" : "", sign = x < 0 || Object.is(x, -0) ? "-" : "";
  if (Number.isNaN(x)) return "nan" + percent;
  let text = Math.abs(percent ? 100 * x : x);
  text = text === Infinity ? "inf" : type === "g" ? $general(text, digits) : $fixed(text, digits);
  if (group) text = text.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));
  return sign + text + percent;
}
function $build(type, fields, given) {
  for (const name of Object.keys(given)) if (!fields.includes(name)) $fail("unknown field " + name);
  return new type(...fields.map((name) => given[name] === undefined ? $fail("missing field " + name) : given[name]));
}
