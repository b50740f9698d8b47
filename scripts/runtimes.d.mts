export function runtimeOf(name: string): string | null
