import { expose } from "comlink";
import { noop, spin } from "../workload.ts";

expose({ noop, spin });
