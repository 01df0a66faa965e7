// Figures as people read them.

const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const missing = "–";

/** A figure of the server: JSON has no NaN and no infinities, which come as texts. */
export function figure(value) {
  const number = typeof value === "string" ? Number.NaN : value;
  return Number.isFinite(number) ? number : undefined;
}

export function number(value) { return figure(value) === undefined ? missing : plain.format(value); }
export function count(value) { return figure(value) === undefined ? missing : whole.format(value); }
export function decimal(value, digits = 3) { return figure(value) === undefined ? missing : value.toFixed(digits); }
export function percent(value) { return figure(value) === undefined ? missing : `${(100 * value).toFixed(1)} %`; }

/** A round number on an axis. */
export function tick(value) { return plain.format(Number(value.toPrecision(12))); }
export function percentTick(value) { return `${tick(100 * value)} %`; }
export function secondsTick(value) { return value === 0 ? "0" : value < 120 ? `${tick(value)} s` : seconds(value); }
export function bytesTick(value) { return value === 0 ? "0" : bytes(value); }

/** ε: an upper bound, so it is rounded up. */
export function epsilon(value) {
  return figure(value) === undefined ? missing : (Math.ceil(value * 1000) / 1000).toFixed(3);
}

/** Bytes in decimal units. */
export function bytes(value) {
  if (figure(value) === undefined) return missing;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 999.5 && unit + 1 < units.length) { value /= 1000; unit += 1; }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function seconds(value) {
  if (figure(value) === undefined) return missing;
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 120) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return value < 172800 ? `${(value / 3600).toFixed(1)} h` : `${(value / 86400).toFixed(1)} d`;
}

/** A moment as a date and time of this machine, in an element that tells the exact one. */
export function moment(text) {
  if (!text) return missing;
  const date = new Date(text);
  const element = document.createElement("time");
  element.dateTime = text;
  element.title = date.toISOString();
  element.textContent = date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
  return element;
}

/** How long ago a moment was. */
export function ago(text) {
  if (!text) return "never";
  const element = moment(text);
  const past = (Date.now() - new Date(text)) / 1000;
  element.textContent = past < 5 ? "now" : past < 0 ? element.textContent : `${seconds(past)} ago`;
  return element;
}
