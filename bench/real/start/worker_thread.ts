import { parentPort, workerData } from "node:worker_threads";
import { add } from "../work/start.ts";

parentPort!.postMessage(add(workerData));
