/** The kiosk: which screen is shown, who stands there, and that nothing of them stays. */

import { Api, quietly } from "./api.js";
import { Announcer } from "./announcer.js";
import { Comfort } from "./comfort.js";
import { Connection } from "./connection.js";
import { Offline, StillThere } from "./dialogs.js";
import { byId } from "./dom.js";
import { Idle } from "./idle.js";
import { Language } from "./language.js";
import { Scanner } from "./scanner.js";
import { Screens } from "./screens.js";
import { Session } from "./session.js";

export class Kiosk {
  #settings;
  #connection = new Connection();
  #announcer = new Announcer();
  #offline = new Offline();
  #session = null;
  #language;
  #api;
  #comfort;
  #stillThere;
  #idle;
  #scanner;
  #screens;

  constructor(settings) {
    this.#settings = settings;
    this.#language = new Language(settings.language);
    this.#api = new Api(settings.token, this.#connection);
    this.#comfort = new Comfort(() => this.#noticed());
    this.#stillThere = new StillThere(this.#language);
    this.#scanner = new Scanner((code) => this.#scan(code).catch(quietly));
    this.#screens = new Screens(this.#api, this.#language, settings.currency, {
      open: (item) => this.#open(item),
      add: (item) => this.#add(item),
      takeOut: (item) => this.#takeOut(item),
      done: () => this.#done(),
      over: () => this.#end(),
    });
    this.#idle = new Idle(settings.idleS, settings.graceS, {
      ask: (leftS) => this.#session && !this.#connection.why && this.#stillThere.ask(leftS),
      stay: () => this.#stillThere.close(),
      leave: () => this.#end(this.#session && "say.over"),
    });
  }

  /** Show the attract loop, and wait for somebody. */
  run() {
    this.#listen();
    this.#language.apply();
    this.#screens.show("attract");
    this.#connection.watch();
    this.#load().catch(quietly);
  }

  #listen() {
    byId("attract").addEventListener("click", () => this.#begin());
    byId("start-over").addEventListener("click", () => this.#end("say.over"));
    byId("language").addEventListener("click", () => this.#language.toggle());
    this.#language.addEventListener("change", () => this.#screens.draw(this.#session));
    this.#language.addEventListener("change", () => this.#noticed());
    this.#connection.addEventListener("lost", () => {
      this.#stillThere.close();
      this.#offline.show(this.#connection.why, (this.#session?.basket.pieces ?? 0) > 0);
    });
    this.#connection.addEventListener("back", () => this.#back().catch(quietly));
    this.#connection.addEventListener("changed", () => this.#load().catch(quietly));
    // A browser may keep the page as it is when it leaves it, and show it again on "back".
    addEventListener("pagehide", () => this.#end());
  }

  /** Ask the server what it is and has. */
  async #load() {
    const ready = await this.#api.ready();
    const name = this.#settings.shop ?? named(ready.bundle.name);
    byId("shop-name").textContent = name;
    await this.#screens.load(ready);
  }

  async #back() {
    this.#offline.close();
    if (this.#session !== null) this.#announcer.say(this.#language.t("say.back"));
    await this.#load();
    if (this.#session !== null) await this.#screens.refresh(this.#session);
  }

  /** Language or display changed: where nobody has begun, that is undone after a while. */
  #noticed() {
    if (this.#session === null) this.#idle.start();
  }

  #begin() {
    if (this.#session !== null || !this.#screens.canSell) return;
    const session = new Session();
    this.#session = session;
    session.basket.addEventListener("change", () => this.#screens.follow(session).catch(quietly));
    this.#idle.start();
    this.#screens.open(session).catch(quietly);
  }

  /** The shopper left, or is done: forget them. */
  #end(words = null) {
    this.#idle.stop();
    this.#session?.end();
    this.#session = null;
    this.#scanner.clear();
    this.#stillThere.close();
    this.#announcer.clear();
    this.#screens.clear();
    this.#comfort.reset();
    this.#language.reset();
    this.#screens.show("attract");
    // The page writes no history; this drops whatever anything else may have left in this entry.
    history.replaceState(null, "", location.href);
    window.name = "";
    if (words) this.#announcer.say(this.#language.t(words));
  }

  #done() {
    const session = this.#session;
    this.#screens.noteBought(session);
    const { pieces, total } = session.basket;
    this.#idle.stop();
    this.#announcer.clear();
    session.end();
    this.#session = null;
    this.#screens.thank(pieces, total);
  }

  #open(item) {
    this.#announcer.clear();
    this.#screens.noteTapped(this.#session, item);
    this.#screens.showDetail(item, this.#session).catch(quietly);
  }

  #add(item) {
    const { basket } = this.#session;
    this.#screens.noteTapped(this.#session, item);
    if (basket.add(item)) this.#say("say.added", item);
  }

  #takeOut(item) {
    this.#session.basket.takeOut(item.item_id);
    this.#say("say.removed", item);
  }

  #say(key, { title }) {
    const count = this.#language.count("basket.count", this.#session.basket.pieces);
    this.#announcer.say(this.#language.t(key, { title, count }));
  }

  async #scan(code) {
    if (this.#connection.why !== null || !this.#screens.canSell) return;
    this.#begin();
    const session = this.#session;
    const item = await this.#screens.products.byCode(code, session.signal);
    this.#screens.hideDetail();
    if (item === null) this.#announcer.say(this.#language.t("say.unknown", { code }), "problem");
    else if (item.in_stock === false)
      this.#announcer.say(this.#language.t("say.soldOut", { title: item.title }), "problem");
    else if (session.basket.add(item)) this.#say("say.added", item);
  }
}

/** Return a bundle's name as people write names: "corner-store" is "Corner Store". */
function named(name) {
  return name
    .split(/[-_\s]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(" ");
}
