/** Starts the page. */

import { Kiosk } from "./kiosk.js";
import { readSettings } from "./settings.js";

new Kiosk(readSettings()).run();
