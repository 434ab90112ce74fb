import workerpool from "workerpool";
import * as workload from "../workload.ts";

workerpool.worker({ ...workload });
