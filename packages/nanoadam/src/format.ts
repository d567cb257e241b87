/** Numbers as people read them. */

/** "2m 05s". */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}m ${String(whole % 60).padStart(2, "0")}s`;
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, "0")}m`;
}

/** "1,234,567". */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** "12.3 MB". */
export function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** "12.3 %". */
export function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
