export function cpuSeconds(pid: number): number
export class Program {
  readonly pid: number
  line(): Promise<string>
  ask(command: string): Promise<string>
  end(): Promise<void>
}
