// Starts the page: what the daemon says every second goes to the parts that show it.
import { setLogLevel } from "./actions.js";
import { askToken } from "./dialogs.js";
import { setText } from "./dom.js";
import { duration } from "./format.js";
import { headline, showHeadline } from "./headline.js";
import { lagOf, Overview } from "./overview.js";
import { Rates } from "./rates.js";
import { follow } from "./stream.js";
import { Tables } from "./tables.js";
import { themeButton } from "./theme.js";

const at = (id) => document.getElementById(id);

themeButton(at("theme"));
at("token").addEventListener("click", askToken);
at("log-level").addEventListener("click", setLogLevel);

const rates = new Rates();
const overview = new Overview({ tiles: at("tiles"), charts: at("charts"), span: at("span") });
const tables = new Tables({ list: at("table-list"), filter: at("filter") });
let said = ["busy", "Connecting …"];
let lostSince = null;

follow({
  status: (status) => {
    rates.add(status);
    said = headline(status, lagOf(status), rates);
    showHeadline(at("state"), said, lostSince);
    overview.show(status, rates);
    tables.show(status);
    const up = (Date.parse(status.updated) - Date.parse(status.started)) / 1000;
    setText(at("instance"), status.instance);
    setText(at("release"), `remapd ${status.release}, ${status.source}, up for ${duration(Math.round(up))}`);
  },
  version: (record) => tables.version(record),
  connection: (since) => {
    const back = lostSince !== null && since === null;
    lostSince = since;
    document.body.classList.toggle("lost", since !== null);
    showHeadline(at("state"), said, lostSince);
    if (back) tables.refresh();
  },
});
