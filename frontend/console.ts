/** The console's script: small behaviours for pages that the server renders. Pages work without it. */
import "./console.css";
import { startBands } from "./behaviours/bands.ts";
import { startClicks } from "./behaviours/clicks.ts";
import { serveDownloads } from "./behaviours/download.ts";
import { serveDrops } from "./behaviours/drop.ts";
import { forgetOthers, keepForms, settleSent } from "./behaviours/keep.ts";
import { startFolds } from "./behaviours/folds.ts";
import { startKeys } from "./behaviours/keys.ts";
import { showSelection, startLists } from "./behaviours/lists.ts";
import { startLive } from "./behaviours/live.ts";
import { showPlace } from "./behaviours/rail.ts";
import { startTheme } from "./behaviours/theme.ts";
import { localTimes, startClock } from "./behaviours/time.ts";
import { startIslands } from "./islands/island.ts";

/** Serve a region that has just come onto the page. */
function arrived(root: ParentNode): void {
  localTimes(root);
  keepForms(root);
  serveDrops(root);
  serveDownloads(root);
  showSelection(root);
  startIslands(root);
}

document.documentElement.classList.add("js");
document.documentElement.classList.remove("no-js");
startTheme();
showPlace();
startKeys();
startLists();
startClicks();
startFolds();
startLive(arrived);
startClock();
startBands();
settleSent();
forgetOthers();
arrived(document);
