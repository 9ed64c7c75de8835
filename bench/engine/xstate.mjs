// Measures XState: node --expose-gc xstate.mjs <URL of the library> <functions as JSON>.
// A line of JSON comes in for each machine, a line with its figures goes out.
import readline from "node:readline";

const { assign, createMachine, initialTransition, transition } = await import(process.argv[2]);
const functions = Object.fromEntries(
  Object.entries(JSON.parse(process.argv[3])).map(([text, code]) => [text, (0, eval)(code)]),
);

const BATCH_MS = 5;
const BATCHES = 40;
const MACHINES = 50;

const mapped = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
const value = (given) => functions[given["@expr"]];
const actions = (list) => list.map((one) => assign(mapped(one.context, value)));

function taken(given) {
  if (typeof given === "string") return given;
  return { target: given.target, guard: value(given.guard), actions: actions(given.actions) };
}

function config(state) {
  const made = { ...state };
  if (state.on) made.on = mapped(state.on, taken);
  if (state.entry) made.entry = actions(state.entry);
  if (state.states) made.states = mapped(state.states, config);
  return made;
}

function timedMs(work, count) {
  const started = process.hrtime.bigint();
  for (let n = 0; n < count; n++) work();
  return Number(process.hrtime.bigint() - started) / 1e6;
}

function bestUs(work) {
  timedMs(work, 2000);
  let count = 1;
  while (timedMs(work, count) < BATCH_MS) count *= 2;
  let best = Infinity;
  for (let n = 0; n < BATCHES; n++) best = Math.min(best, timedMs(work, count));
  return (best / count) * 1e3;
}

function used(spec, event) {
  const machine = createMachine(config(spec));
  let [snapshot] = initialTransition(machine);
  for (let n = 0; n < Object.keys(spec.states).length + 3; n++) {
    [snapshot] = transition(machine, snapshot, event);
  }
  return machine;
}

function memory(make) {
  make();
  global.gc();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: MACHINES }, make);
  global.gc();
  const bytes = (process.memoryUsage().heapUsed - before) / kept.length;
  return Math.max(0, Math.round(bytes));
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { spec, event } = JSON.parse(line);
  const machine = createMachine(config(spec));
  let [snapshot] = initialTransition(machine);
  const counted = snapshot.context.n;
  [snapshot] = transition(machine, snapshot, event);
  if (snapshot.context.n !== counted + 1) throw new Error("XState did not take the event");
  let stored = JSON.stringify({ value: snapshot.value, context: snapshot.context });
  const figures = {
    event_us: bestUs(() => {
      [snapshot] = transition(machine, snapshot, event);
    }),
    stored_us: bestUs(() => {
      const [next] = transition(machine, machine.resolveState(JSON.parse(stored)), event);
      stored = JSON.stringify({ value: next.value, context: next.context });
    }),
    compile_ms: bestUs(() => initialTransition(createMachine(config(spec)))) / 1e3,
    memory_bytes: memory(() => used(spec, event)),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
