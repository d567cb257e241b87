/** So much of a text as a message of one line may show. */
export function excerpt(text: string, most = 40): string {
  const start = text.slice(0, most + 1).replace(/\s/g, " ");
  return start.length > most ? `${start.slice(0, most)}…` : start;
}
