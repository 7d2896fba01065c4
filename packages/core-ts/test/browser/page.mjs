// What runs in the page: the built package, and what drives it.
import { driverOf } from "../../../../conformance/drivers/javascript/driver.mjs";
import { Memory } from "../../dist/index.mjs";

globalThis.answer = driverOf(Memory);
