/** How many records of each kind a store holds at most: at a bound new ones are refused, and nothing that lives is ever thrown out. */
export interface StoreLimits {
  readonly flows: number;
  readonly clients: number;
  readonly grants: number;
  readonly registrations: number;
  readonly assertions: number;
  readonly stepUps: number;
}

/** The bounds of a store that is told none. */
export const defaultLimits: StoreLimits = {
  flows: 10_000,
  clients: 100_000,
  grants: 1_000_000,
  registrations: 100,
  assertions: 100_000,
  stepUps: 10_000,
};
