// Numbers for people.

export const seconds = (value) => {
  const sign = value < 0 ? "−" : "";
  const total = Math.round(Math.abs(value) * 1000);
  const pad = (number, digits = 2) => String(number).padStart(digits, "0");
  const hours = Math.floor(total / 3_600_000);
  const minutes = Math.floor(total / 60_000) % 60;
  const rest = `${pad(Math.floor(total / 1000) % 60)}.${pad(total % 1000, 3)}`;
  return `${sign}${hours ? `${hours}:${pad(minutes)}` : minutes}:${rest}`;
};

export const bytes = (value) => {
  if (value < 1000) return `${Math.round(value)} B`;
  return value < 1e6 ? `${(value / 1000).toFixed(value < 1e4 ? 2 : 1)} kB` : `${(value / 1e6).toFixed(2)} MB`;
};

export const bitrate = (value) => (value < 1e6 ? `${(value / 1000).toFixed(1)} kbit/s` : `${(value / 1e6).toFixed(2)} Mbit/s`);

/** A share 0..1: what is there, but less than one per cent, does not become none. */
export const share = (value) => {
  if (value > 0 && value < 0.01) return "<1 %";
  if (value < 1 && value > 0.99) return "99 %";
  return `${Math.round(100 * value)} %`;
};

export const speed = (value) => `${Number(value.toFixed(2))}×`;
