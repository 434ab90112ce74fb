export const unfinished = (
