export function median(values: readonly number[]): { median: number; least: number; most: number }
