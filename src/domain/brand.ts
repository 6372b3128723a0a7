declare const brand: unique symbol;

/** A value that looks like `Value` but cannot be mistaken for another of its shape; only the function that checked it mints one. */
export type Brand<Value, Name extends string> = Value & { readonly [brand]: Name };
