import { task } from "@heddle/heddle";

export const sleepThenPrint = task(import.meta, "sleepThenPrint", async (ctx, ms: number, text: string) => {
  await ctx.sleep(ms);
  console.log(text);
});
