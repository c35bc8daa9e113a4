// Forms: what is missing is said at the form, in words; while the box thinks, the button rests.

import { sentence } from "/static/words.js";

const missing = (field) => {
  const label = field.labels[0]?.textContent.trim() ?? field.name;
  if (field.validity.valueMissing) return `${label}: please fill this in.`;
  if (field.validity.tooShort) return `${label}: at least ${field.minLength} characters, please.`;
  return `${label}: ${field.validationMessage}`;
};

export function showError(form, words, field = null) {
  form.querySelector(".error").textContent = sentence(words);
  for (const each of form.elements) each.removeAttribute("aria-invalid");
  field?.setAttribute("aria-invalid", "true");
  field?.focus();
}

/** Send the form's fields with `perform(values)`; refusals appear at the form. */
export function whenSent(form, perform, refused = () => false) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    showError(form, "");
    const wrong = [...form.elements].find((each) => each.willValidate && !each.validity.valid);
    if (wrong) return showError(form, missing(wrong), wrong);
    const { again } = form.elements;
    const repeated = form.elements.new ?? form.elements.password;
    if (again && again.value !== repeated.value) return showError(form, "The two passwords differ.", again);
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    try {
      await perform(Object.fromEntries(new FormData(form)));
      form.reset();
    } catch (error) {
      if (!refused(error)) showError(form, error.message);
    } finally {
      if (!button.dataset.locked) button.disabled = false;
    }
    return undefined;
  });
}
