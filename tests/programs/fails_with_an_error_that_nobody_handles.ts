import { go } from "@heddle/heddle";
import { throws } from "../tasks/failing.ts";

go(throws("nobody handles this"));
