/** Tests say that tasks are defined here; a thread that looks finds this. */
throw new Error("not in a thread");
