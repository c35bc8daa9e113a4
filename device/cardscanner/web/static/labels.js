// Friendly names of settings. A key that is not listed here is called as the box calls it.

export const SECTIONS = {
  camera: "Camera",
  finder: "Finding cards",
  decide: "Deciding",
  verify: "Second look",
  publish: "Messages",
  log: "Log",
};

const LABELS = {
  "camera.width": "Picture width",
  "camera.height": "Picture height",
  "camera.fps": "Pictures a second",
  "camera.controls": "Camera controls",
  "camera.timeout_s": "Patience with a silent camera",
  "camera.retry_s": "Pause before the camera is opened again",
  "finder.effort": "Effort",
  "finder.max_cards": "Most cards in one picture",
  "finder.min_confidence": "Least confidence in an outline",
  "finder.whole_picture": "Try the whole picture as one card",
  "decide.threshold": "Least margin for a match",
  "decide.print_gap": "Least gap between two prints",
  "decide.min_frames": "Fewest pictures before a card is believed",
  "decide.max_frames": "Most pictures before giving up",
  "decide.gone_s": "A card is gone after",
  "decide.report_no_match": "Report unknown cards too",
  "decide.top": "Candidates with each card",
  "verify.enabled": "Look a second time",
  "verify.threshold": "Least evidence",
  "verify.print_lead": "Least lead of one print",
  "publish.max_per_s": "Most messages a second",
  "publish.unheard": "When nobody listens",
  "publish.state_every_s": "State message every",
  "publish.image": "Publish the picture of the newest card",
  "publish.log": "Publish log lines from",
  "log.level": "Log lines from",
};

const UNITS = { s: "seconds", ms: "milliseconds", px: "pixels", bytes: "bytes", "°C": "°C" };

export const sectionLabel = (name) => SECTIONS[name] ?? name;

export function label(section, key, schema) {
  return LABELS[`${section}.${key}`] ?? schema.title ?? key.replaceAll("_", " ");
}

/** What stands behind a number; where the label names the unit, nothing. */
export function unit(schema) {
  return UNITS[schema["x-unit"]] ?? "";
}
