/** Times as Python's `strftime` writes them, in English. */

const english = (options: Intl.DateTimeFormatOptions) => {
  const format = new Intl.DateTimeFormat("en-US", options);
  return (time: Date) => format.format(time);
};
const padded = (number: number, digits = 2) => String(number).padStart(digits, "0");
const twelfth = (time: Date) => time.getHours() % 12 || 12;
const dayOfYear = (time: Date) =>
  (Date.UTC(time.getFullYear(), time.getMonth(), time.getDate()) - Date.UTC(time.getFullYear(), 0, 0)) / 86_400_000;

const directives: Readonly<Record<string, (time: Date) => string>> = {
  a: english({ weekday: "short" }),
  A: english({ weekday: "long" }),
  b: english({ month: "short" }),
  B: english({ month: "long" }),
  d: (time) => padded(time.getDate()),
  H: (time) => padded(time.getHours()),
  I: (time) => padded(twelfth(time)),
  j: (time) => padded(dayOfYear(time), 3),
  m: (time) => padded(time.getMonth() + 1),
  M: (time) => padded(time.getMinutes()),
  p: (time) => (time.getHours() < 12 ? "AM" : "PM"),
  S: (time) => padded(time.getSeconds()),
  y: (time) => padded(time.getFullYear() % 100),
  Y: (time) => String(time.getFullYear()),
  F: (time) => formatTime(time, "%Y-%m-%d"),
  T: (time) => formatTime(time, "%H:%M:%S"),
  "%": () => "%",
};

/**
 * The local time by a format such as `%d %b %Y`; `%-d` is a number without zeros before it.
 * @throws Error for a directive that is not known
 */
export function formatTime(time: Date, format: string): string {
  return format.replace(/%(-?)(.?)/gs, (found, dash: string, directive: string) => {
    const write = Object.hasOwn(directives, directive) ? directives[directive] : undefined;
    if (write === undefined) throw new Error(`the time format ${JSON.stringify(format)} has an unknown ${found}`);
    return dash === "-" ? write(time).replace(/^0+(?=\d)/, "") : write(time);
  });
}
