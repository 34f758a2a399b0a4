export function threadNames(): string[]
export function ofEachThread(file: string): string[]
