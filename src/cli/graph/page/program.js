"use strict";
(() => {
  const { nodes, edges } = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  // In the order in which access flows; a number is a column of the drawing.
  const kinds = {
    Namespace: { column: 0, color: "#3f8f5b" }, Principal: { column: 2, color: "#7b5cb8" },
    Workload: { column: 1, color: "#2f8a93" }, Secret: { column: 2, color: "#b0762b" },
    Role: { column: 3, color: "#2d6fc4" }, Service: { column: 4, color: "#5b6b7c" },
    ManagedPolicy: { column: 4, color: "#5b6b7c" }, Account: { column: 5, color: "#8a4a5e" },
  };
  const words = {
    Runs: "runs", MayMount: "may mount", Uses: "uses", ActsAs: "has credentials of", Trusts: "is trusted by",
    Grants: "is granted", Allows: "allows", In: "is in",
    Admin: "admin-like", AnyAction: "wildcard action", AnyResource: "every resource", NotReady: "not Ready",
    Unused: "not used for 90 days",
  };
  const ids = Object.keys(nodes);
  const named = (id) => `${nodes[id].kind} ${nodes[id].label}`;

  const next = new Map(), before = new Map();
  for (const { from, to } of edges) {
    next.set(from, [...(next.get(from) || []), to]);
    before.set(to, [...(before.get(to) || []), from]);
  }
  // Columns by kind, and rows in the order of what a node is connected to, so that lines stay short.
  function positions(visible) {
    const columns = Array.from({ length: 6 }, () => []);
    for (const id of visible) columns[kinds[nodes[id].kind].column].push(id);
    const row = new Map();
    const place = (column) => column.forEach((id, index) => row.set(id, (index + 0.5) / column.length));
    const centre = (id) => {
      const around = [...(next.get(id) || []), ...(before.get(id) || [])].map((other) => row.get(other)).filter((y) => y !== undefined);
      return around.length ? around.reduce((sum, y) => sum + y, 0) / around.length : 0.5;
    };
    place(columns[3]);
    for (const index of [2, 1, 0, 4, 5, 3, 2, 1, 0, 4, 5]) {
      const centres = new Map(columns[index].map((id) => [id, centre(id)]));
      columns[index].sort((a, b) => centres.get(a) - centres.get(b) || (a < b ? -1 : 1));
      place(columns[index]);
    }
    const used = columns.filter((column) => column.length);
    const tallest = Math.max(...used.map((column) => column.length), 1);
    // Wide drawings of few rows are stretched, so that they use the height of the window.
    const height = Math.max(tallest * 40, 520);
    return new Map(used.flatMap((column, across) => column.map((id, index) =>
      [id, { x: across * 230, y: ((index + 0.5) / column.length - 0.5) * height }])));
  }

  const cy = cytoscape({
    container: at("graph"),
    elements: [
      ...ids.map((id) => ({ data: { id, label: nodes[id].label, color: kinds[nodes[id].kind].color, marks: (nodes[id].marks || []).join(" ") } })),
      ...edges.map(({ from, to, relation }, number) => ({ data: { id: `edge ${number}`, source: from, target: to, label: words[relation] } })),
    ],
    layout: { name: "preset" },
    // Many nodes move as one picture instead of being drawn again at each step.
    textureOnViewport: ids.length > 400, hideEdgesOnViewport: ids.length > 400, pixelRatio: ids.length > 400 ? 1 : "auto",
    minZoom: 0.02, maxZoom: 3, boxSelectionEnabled: false,
  });
  const style = () => {
    const of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const text = of("--text"), line = of("--line"), accent = of("--accent"), bad = of("--bad"), warn = of("--warn"), back = of("--back");
    cy.style([
      { selector: "node", style: { "background-color": "data(color)", label: "data(label)", color: text, "font-size": 13, width: 22, height: 22,
        "text-valign": "center", "text-halign": "right", "text-margin-x": 5, "text-max-width": 175, "text-wrap": "ellipsis",
        "min-zoomed-font-size": 6, "text-outline-color": back, "text-outline-width": 2 } },
      { selector: "node[marks *= 'Any']", style: { "border-width": 4, "border-color": warn } },
      { selector: "node[marks *= 'Admin']", style: { "border-width": 5, "border-color": bad, shape: "diamond", width: 28, height: 28 } },
      { selector: "node[marks *= 'NotReady']", style: { "background-opacity": 0.35 } },
      { selector: "node[marks *= 'Unused']", style: { "border-width": 4, "border-color": warn, "border-style": "dashed" } },
      { selector: "edge", style: { width: 1.5, "line-color": line, "target-arrow-color": line, "target-arrow-shape": "triangle", "arrow-scale": 0.8, "curve-style": ids.length > 400 ? "haystack" : "bezier" } },
      { selector: ".dim", style: { opacity: 0.12, "text-opacity": 0.12 } },
      { selector: "edge.lit", style: { width: 3, "line-color": accent, "target-arrow-color": accent, label: ids.length > 400 ? "" : "data(label)", "font-size": 10, color: text, "text-outline-color": back, "text-outline-width": 2 } },
      { selector: "node.chosen", style: { "overlay-color": accent, "overlay-opacity": 0.25, "overlay-padding": 6 } },
      { selector: ".gone", style: { display: "none" } },
    ]);
  };

  // What is shown: all that the filters leave.
  const text = (id) => `${id} ${JSON.stringify(Object.values(nodes[id].details || {}))} ${nodes[id].label}`.toLowerCase();
  const texts = new Map(ids.map((id) => [id, text(id)]));
  let shown = [];
  function filter() {
    const [namespace, account, search] = [at("namespace").value, at("account").value, at("search").value.trim().toLowerCase()];
    // A role that both filters leave, and all that leads to it or follows from it.
    const kept = cy.nodes().filter((node) => {
      const { kind, namespace: own, account: of } = nodes[node.id()];
      return kind === "Role" && (!namespace || own === namespace) && (!account || of === account);
    });
    const all = namespace || account ? kept.union(kept.predecessors("node")).union(kept.successors("node")) : cy.nodes();
    const found = search ? all.filter((node) => texts.get(node.id()).includes(search)) : all;
    const visible = search ? found.union(found.predecessors("node")).union(found.successors("node")).intersection(all) : all;
    const places = positions(visible.map((node) => node.id()));
    cy.batch(() => {
      cy.elements().removeClass("gone dim lit chosen");
      cy.nodes().not(visible).addClass("gone");
      visible.positions((node) => places.get(node.id()));
      if (search) visible.not(found).addClass("dim");
    });
    shown = found.map((node) => node.id());
    list();
    at("details").replaceChildren();
    const one = found.length === 1 ? "" : "s";
    say(search || namespace || account ? `${found.length} node${one} of ${ids.length}` : `${ids.length} nodes, ${edges.length} edges`);
    if (visible.nonempty()) cy.fit(visible, 40);
  }

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }
  const say = (message) => { at("said").textContent = message; };
  const marks = (id) => (nodes[id].marks || []).map((mark) => element("span", { className: `mark ${mark}` }, words[mark]));
  const button = (id, before = "") => element("button", { type: "button", onclick: () => select(id) },
    before, element("span", { className: "kind" }, nodes[id].kind), ` ${nodes[id].label} `, ...marks(id));
  function list() {
    const order = [...shown].sort((a, b) => kinds[nodes[a].kind].column - kinds[nodes[b].kind].column || (a < b ? -1 : 1));
    const most = 500;
    at("list").replaceChildren(...order.slice(0, most).map((id) => element("li", {}, button(id))));
    if (order.length > most) at("list").append(element("li", { className: "kind" }, `and ${order.length - most} more: search or filter`));
  }

  // All that a node can reach, and all that can reach it.
  function select(id) {
    const node = cy.getElementById(id);
    const ways = node.predecessors().union(node.successors()).union(node).not(".gone");
    cy.batch(() => {
      cy.elements().removeClass("dim lit chosen");
      cy.elements().not(ways).addClass("dim");
      ways.edges().addClass("lit");
      node.addClass("chosen");
    });
    const { details = {} } = nodes[id];
    const entries = Object.entries(details).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
    const links = (title, of, other) => of.empty() ? [] : [element("h3", {}, title),
      element("ul", {}, ...of.map((edge) => element("li", {}, button(edge[other]().id(), `${edge.data("label")} `))))];
    at("details").replaceChildren(
      element("h2", {}, named(id)), element("p", {}, ...marks(id)), element("dl", {}, ...entries),
      ...links("From here", node.outgoers("edge"), "target"), ...links("To here", node.incomers("edge"), "source"));
    cy.animate({ center: { eles: node } }, { duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 150 });
    say(`${named(id)}: ${node.successors("node").length} within reach, ${node.predecessors("node").length} can reach it`);
  }

  function path() {
    const [from, to] = ["from", "to"].map((end) => ids.find((id) => named(id) === at(end).value.trim() || id === at(end).value.trim()));
    if (!from || !to) return say("Choose two names from the lists.");
    at("namespace").value = at("account").value = at("search").value = "";
    filter();
    const found = cy.elements().aStar({ root: cy.getElementById(from), goal: cy.getElementById(to), directed: true });
    if (!found.found) return say(`${named(from)} cannot reach ${named(to)}.`);
    cy.batch(() => {
      cy.elements().not(found.path).addClass("dim");
      found.path.edges().addClass("lit");
    });
    cy.fit(found.path, 60);
    at("details").replaceChildren(element("h2", {}, "Path"),
      element("ul", {}, ...found.path.map((part) => part.isNode() ? element("li", {}, button(part.id())) : element("li", { className: "kind" }, `↓ ${part.data("label")}`))));
    say(`${named(from)} reaches ${named(to)} in ${found.distance} step${found.distance === 1 ? "" : "s"}.`);
  }

  function dark(on) {
    document.documentElement.classList.toggle("dark", on);
    at("theme").setAttribute("aria-pressed", String(on));
    style();
  }

  const options = (id, values) => at(id).append(...[...new Set(values)].filter(Boolean).sort().map((value) => element("option", { value }, value)));
  options("namespace", ids.map((id) => nodes[id].namespace));
  options("account", ids.filter((id) => nodes[id].kind === "Role").map((id) => nodes[id].account));
  at("names").append(...ids.map((id) => element("option", { value: named(id) })));
  const present = new Set(ids.map((id) => nodes[id].kind));
  at("legend").append(...Object.keys(kinds).filter((kind) => present.has(kind)).map((kind) => {
    const square = element("span");
    square.style.background = kinds[kind].color;
    return element("li", {}, square, kind);
  }));
  for (const id of ["search", "namespace", "account"]) at(id).addEventListener("input", filter);
  at("path").addEventListener("submit", (event) => { event.preventDefault(); path(); });
  at("theme").addEventListener("click", () => dark(!document.documentElement.classList.contains("dark")));
  cy.on("tap", "node", (event) => select(event.target.id()));
  cy.on("tap", (event) => { if (event.target === cy) filter(); });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing) { event.preventDefault(); at("search").focus(); }
    if (event.key === "Escape") { at("search").value = at("namespace").value = at("account").value = ""; document.activeElement.blur(); filter(); }
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (!typing || document.activeElement === at("search"))) {
      const buttons = [...document.querySelectorAll("aside button")];
      const now = buttons.indexOf(document.activeElement);
      const next = buttons[event.key === "ArrowDown" ? now + 1 : Math.max(now - 1, 0)];
      if (next) { event.preventDefault(); next.focus(); }
    }
  });
  dark(matchMedia("(prefers-color-scheme: dark)").matches);
  filter();
  // Two nodes may be named in the address, so that a path can be linked to: page.html#from=…&to=…
  const linked = new URLSearchParams(location.hash.slice(1));
  if (linked.has("from") && linked.has("to")) { at("from").value = linked.get("from"); at("to").value = linked.get("to"); path(); }
})();
