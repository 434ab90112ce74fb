/** The trivial foreign function: of the numbers that rows start with, which are not negative, `abs` is the identity. */
export const identity = {
  library: "libc.so.6",
  symbols: { identity: { name: "abs", parameters: ["i32"], result: "i32" } },
} as const;
