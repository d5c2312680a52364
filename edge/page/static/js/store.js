// The picture in the browser: the server's view, and its changed rows laid over it. No rules of the trade in here.

const WHOLE = new Set(["totals", "counts", "pulse", "dropped", "layout", "office", "messages"]);
const ORDERS_MAX = 500;
const NEWS_MAX = 200;

export const view = {
  up: false, name: "", layout: null, office: null, messages: 0, machines: {}, lanes: {}, zones: {}, units: {}, people: {},
  orders: {}, departures: {}, alarms: {}, peers: {}, news: [], totals: {}, counts: {}, pulse: {}, dropped: {},
};

export const dirty = new Set(["all"]);

export function replace(state) {
  Object.assign(view, state);
  dirty.add("all");
}

export function apply(rows) {
  for (const [section, changed] of Object.entries(rows)) {
    dirty.add(section);
    if (section === "news") {
      const last = view.news.length ? view.news[view.news.length - 1].n : 0;
      view.news.push(...changed.filter((row) => row.n > last));
      view.news.splice(0, view.news.length - NEWS_MAX);
    } else if (WHOLE.has(section)) {
      view[section] = changed;
    } else {
      const table = view[section];
      for (const [key, row] of Object.entries(changed)) {
        delete table[key];
        if (row) table[key] = row;
      }
    }
  }
  const orders = Object.keys(view.orders);
  for (const id of orders.slice(0, Math.max(orders.length - ORDERS_MAX, 0))) delete view.orders[id];
}
