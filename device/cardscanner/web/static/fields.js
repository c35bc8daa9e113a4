// One field of the settings form, made from its JSON Schema.

import { el } from "/static/dom.js";
import { label, unit } from "/static/labels.js";
import { sentence } from "/static/words.js";

/** Follow $ref and take "or null" apart. */
export function plain(schema, root) {
  if (schema.$ref) {
    const found = schema.$ref.replace(/^#\//, "").split("/").reduce((node, step) => node?.[step], root);
    return plain({ ...found, ...without(schema, "$ref") }, root);
  }
  if (schema.anyOf) {
    const kinds = schema.anyOf.map((each) => plain(each, root));
    const nullable = kinds.some((each) => each.type === "null");
    const real = kinds.filter((each) => each.type !== "null");
    const one = real.length === 1 ? real[0] : { type: real.map((each) => each.type) };
    return { ...one, ...without(schema, "anyOf"), nullable };
  }
  return schema;
}

function without(schema, key) {
  const { [key]: _, ...rest } = schema;
  return rest;
}

/** A field with `node`, `key`, `changed()`, `value()`, `fail(words)`, `isChanged` and `reset()`. */
export function makeField({ section, key, schema, value, standard, changed }) {
  const id = `set-${section}-${key}`;
  const kind = kinds.find((each) => each.fits(schema));
  const control = kind.make({ id, key, schema, standard });
  const before = value;
  kind.put(control, value, schema);
  const error = el("p", { class: "error", id: `${id}-error` });
  const help = [sentence(schema.description), sentence(limits(schema))].filter(Boolean).join(" ");
  const back = el("button", { type: "button", class: "link", hidden: same(value, standard) }, `Use the default${shown(standard, schema)}`);
  control.setAttribute("aria-describedby", help ? `${id}-help ${id}-error` : `${id}-error`);
  const field = {
    name: `${section}.${key}`,
    section,
    key,
    control,
    read: () => kind.read(control, schema),
    isChanged: () => !same(field.read(), before),
    isStandard: () => same(field.read(), standard),
    fail(words) {
      error.textContent = sentence(words);
      if (words) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    },
    check: () => (control.validity?.valid === false ? limitWords(control, schema) : kind.wrong?.(control) ?? ""),
  };
  const refresh = () => {
    field.fail(field.check());
    back.hidden = field.isStandard();
    field.node.classList.toggle("touched", field.isChanged());
    changed();
  };
  control.addEventListener("input", refresh);
  back.addEventListener("click", () => {
    kind.put(control, standard, schema);
    refresh();
    control.focus();
  });
  const words = unit(schema);
  field.node = el("div", { class: `field setting ${kind.name}` },
    el("label", { for: id }, label(section, key, schema)),
    el("div", { class: "setting-control" }, control, words ? el("span", { class: "unit" }, words) : null, back),
    help ? el("p", { class: "help", id: `${id}-help` }, help) : null,
    error);
  return field;
}

const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

function shown(standard, schema) {
  if (standard === null || standard === undefined) return "";
  if (schema.type === "boolean") return standard ? ": on" : ": off";
  return typeof standard === "object" ? "" : `: ${standard}`;
}

const low = (schema) => schema.minimum ?? schema.exclusiveMinimum;
const high = (schema) => schema.maximum ?? schema.exclusiveMaximum;

function limits(schema) {
  const above = schema.exclusiveMinimum !== undefined;
  if (low(schema) !== undefined && high(schema) !== undefined) return above ? `more than ${low(schema)}, up to ${high(schema)}` : `${low(schema)} to ${high(schema)}`;
  if (low(schema) !== undefined) return above ? `more than ${low(schema)}` : `${low(schema)} or more`;
  return high(schema) === undefined ? "" : `up to ${high(schema)}`;
}

function limitWords(control, schema) {
  if (control.validity.badInput) return "This is no number.";
  if (control.validity.valueMissing) return "A value is needed here.";
  if (control.validity.stepMismatch) return "A whole number is needed here.";
  return `Allowed: ${limits(schema)}.`;
}

const isNumber = (schema) => ["number", "integer"].includes(schema.type);
const asNumber = (control) => (control.value === "" ? null : Number(control.value));

const kinds = [
  {
    name: "choice",
    fits: (schema) => Boolean(schema.enum),
    make: ({ id, schema, standard }) => el("select", { id },
      ...(schema.nullable ? [el("option", { value: "" }, "default")] : []),
      ...schema.enum.map((each) => el("option", { value: each }, each === standard ? `${each} (default)` : String(each)))),
    put: (control, value) => { control.value = value ?? ""; },
    read: (control) => (control.value === "" ? null : control.value),
  },
  {
    name: "onoff",
    fits: (schema) => schema.type === "boolean",
    make: ({ id }) => el("input", { id, type: "checkbox", role: "switch" }),
    put: (control, value) => { control.checked = Boolean(value); },
    read: (control) => control.checked,
  },
  {
    name: "number",
    fits: isNumber,
    make: ({ id, schema }) => el("input", {
      id, type: "number", inputmode: schema.type === "integer" ? "numeric" : "decimal", min: low(schema), max: high(schema),
      step: schema.type === "integer" ? 1 : "any", required: !schema.nullable, placeholder: schema.nullable ? "default" : null,
    }),
    put: (control, value) => { control.value = value ?? ""; },
    read: asNumber,
  },
  {
    name: "list",
    fits: (schema) => schema.type === "object" || schema.type === "array",
    make: ({ id }) => el("textarea", { id, rows: 3, spellcheck: "false" }),
    put: (control, value) => { control.value = value && Object.keys(value).length ? JSON.stringify(value, null, 1) : ""; },
    read: (control, schema) => (control.value.trim() === "" ? (schema.type === "array" ? [] : {}) : parsed(control.value)),
    wrong: (control) => (control.value.trim() === "" || parsed(control.value) !== control.value ? "" : 'Please write it as JSON: {"ExposureTime": 8000}'),
  },
  {
    name: "words",
    fits: () => true,
    make: ({ id, schema }) => el("input", { id, type: "text", required: !schema.nullable, placeholder: schema.nullable ? "default" : null }),
    put: (control, value) => { control.value = value ?? ""; },
    read: (control) => (control.value === "" ? null : control.value),
  },
];

/** The text itself where it is no JSON. */
function parsed(words) {
  try {
    return JSON.parse(words);
  } catch {
    return words;
  }
}
