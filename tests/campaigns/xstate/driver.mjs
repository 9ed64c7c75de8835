// XState's half of the campaign: one JSON request a line in, one JSON report a line out.
//
//     {"op": "start", "library": <URL of xstate.esm.js>, "spec": {...}, "input": ...}
//     {"op": "event", "event": {...}}
//     {"op": "restore"}
//
// A report tells what XState's pure functions returned. A step that throws is reported as
// {"threw": <message>} and leaves the snapshot as it was.
import readline from 'node:readline';

const MAX_ITERATIONS = 1000;

// What JSON cannot hold, XState has as functions: each CEL expression the generator knows.
const EXPRESSIONS = {
  'true': () => true,
  'false': () => false,
  'context.n % 2 == 0': ({ context }) => context.n % 2 === 0,
  'context.n > 3': ({ context }) => context.n > 3,
  'context.n < 5': ({ context }) => context.n < 5,
  'context.n < params.limit': ({ context }, params) => context.n < params.limit,
  'event.type == "A"': ({ event }) => event.type === 'A',
  'event.type == "B"': ({ event }) => event.type === 'B',
  'has(event.x) && event.x > 2': ({ event }) => 'x' in event && event.x > 2,
  'event.x > 2': ({ event }) => strict(event) > 2,
  'context.n': ({ context }) => context.n,
  'context.n + 1': ({ context }) => context.n + 1,
  'context.n * 2 % 1000': ({ context }) => (context.n * 2) % 1000,
  'context.m + context.n % 7': ({ context }) => context.m + (context.n % 7),
  'context.n % 3 * 5': ({ context }) => (context.n % 3) * 5,
  'event.x + 1': ({ event }) => strict(event) + 1,
  'event.type': ({ event }) => event.type,
  'event.input.n': ({ event }) => event.input.n,
  'params.step': (_, params) => params.step,
  'has(event.x) ? event.x : 0': ({ event }) => ('x' in event ? event.x : 0),
  'has(event.output) ? event.output : null': ({ event }) => event.output ?? null,
  'has(event.error) ? event.error : null': ({ event }) => event.error ?? null,
};

function strict(event) {
  if (!('x' in event)) throw new Error('no such key: x');
  return event.x;
}

function expression(text) {
  const found = EXPRESSIONS[text];
  if (!found) throw new Error(`the driver does not know the expression ${text}`);
  return found;
}

function isComputed(value) {
  if (value === null || typeof value !== 'object') return false;
  return '@expr' in value || Object.values(value).some(isComputed);
}

function evaluate(value, args, params) {
  if (!isComputed(value)) return value;
  if ('@expr' in value) return expression(value['@expr'])(args, params);
  if (Array.isArray(value)) return value.map((item) => evaluate(item, args, params));
  return mapped(value, (item) => evaluate(item, args, params));
}

const template = (value) =>
  isComputed(value) ? (args, params) => evaluate(value, args, params) : value;
const mapped = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
const listed = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

function milliseconds(value) {
  const found = typeof value === 'string' ? /^PT([0-9.]+)S$/.exec(value) : null;
  return found ? Number(found[1]) * 1000 : value;
}

class Translator {
  constructor(xstate) {
    this.x = xstate;
  }

  machine(spec) {
    const config = this.state(spec);
    if (isComputed(spec.context)) {
      config.context = ({ input }) =>
        evaluate(spec.context, { event: { type: 'xstate.init', input } });
    }
    for (const key of ['guards', 'actions', 'delays', 'unhandled']) delete config[key];
    const delays = mapped(spec.delays ?? {}, (value) => template(milliseconds(value)));
    for (const key of isoKeys(spec)) delays[key] = milliseconds(key);
    return this.x.createMachine(
      { ...config, options: { maxIterations: MAX_ITERATIONS } },
      {
        actors: { 'system.work': this.x.fromPromise(() => new Promise(() => {})) },
        guards: mapped(spec.guards ?? {}, (body) => this.namedGuard(body.when)),
        actions: mapped(spec.actions ?? {}, (body) => this.namedActions(listed(body))),
        delays,
      },
    );
  }

  namedGuard(guard) {
    return '@expr' in guard ? expression(guard['@expr']) : this.guard(guard);
  }

  // A list under a name: XState's way is to enqueue them.
  namedActions(actions) {
    return this.x.enqueueActions(({ enqueue }, params) => {
      for (const action of actions) enqueue(this.action(action, params));
    });
  }

  guard(guard) {
    if (typeof guard === 'string') return guard;
    if ('@expr' in guard) return expression(guard['@expr']);
    if (guard.type === '@and') return this.x.and(guard.guards.map((one) => this.guard(one)));
    if (guard.type === '@or') return this.x.or(guard.guards.map((one) => this.guard(one)));
    if (guard.type === '@not') return this.x.not(this.guard(guard.guard));
    if (guard.type === '@stateIn') return this.x.stateIn(guard.state);
    return guard.params ? { ...guard, params: template(guard.params) } : guard;
  }

  action(action, params) {
    const value = (given) =>
      isComputed(given) ? (args) => evaluate(given, args, params) : given;
    if (typeof action === 'string') return action;
    switch (action.type) {
      case '@assign':
        return this.x.assign(mapped(action.context, (given) => (args) => evaluate(given, args, params)));
      case '@raise':
        return this.x.raise(
          value(action.event),
          action.delay === undefined
            ? undefined
            : { delay: value(milliseconds(action.delay)), id: action.id },
        );
      case '@cancel':
        return this.x.cancel(action.id);
      case '@emit':
        return this.x.emit(value(action.event));
      case '@log':
        return this.x.log((args) => evaluate(action.value, args, params));
      case '@if':
        return this.x.enqueueActions(({ enqueue, check }) => {
          const branch = action.branches.find((one) => !one.guard || check(this.guard(one.guard)));
          for (const one of listed(branch?.actions)) enqueue(this.action(one, params));
        });
      default:
        return action.params ? { ...action, params: template(action.params) } : action;
    }
  }

  actions(given) {
    return listed(given).map((action) => this.action(action));
  }

  transition(given) {
    if (Array.isArray(given)) return given.map((one) => this.transition(one));
    if (typeof given === 'string') return given;
    const found = { ...given };
    if (found.guard !== undefined) found.guard = this.guard(found.guard);
    if (found.actions !== undefined) found.actions = this.actions(found.actions);
    return found;
  }

  state(given) {
    const found = { ...given };
    const all = (value) => mapped(value, (one) => this.transition(one));
    if (found.on) found.on = all(found.on);
    if (found.after) found.after = all(found.after);
    for (const key of ['always', 'onDone']) {
      if (found[key]) found[key] = this.transition(found[key]);
    }
    for (const key of ['entry', 'exit']) {
      if (found[key] !== undefined) found[key] = this.actions(found[key]);
    }
    if (found.output !== undefined) found.output = template(found.output);
    if (found.initial?.actions) {
      found.initial = { ...found.initial, actions: this.actions(found.initial.actions) };
    }
    if (found.invoke) {
      found.invoke = listed(found.invoke).map((one) => {
        const invoke = { ...one };
        if (invoke.input !== undefined) invoke.input = template(invoke.input);
        for (const key of ['onDone', 'onError']) {
          if (invoke[key]) invoke[key] = this.transition(invoke[key]);
        }
        return invoke;
      });
    }
    if (found.states) found.states = mapped(found.states, (one) => this.state(one));
    return found;
  }
}

// XState takes an ISO 8601 key of `after` for the name of a delay.
function isoKeys(state) {
  const own = Object.keys(state.after ?? {}).filter((key) => key.startsWith('P'));
  return own.concat(...Object.values(state.states ?? {}).map(isoKeys));
}

function isLegal(nodes) {
  const active = new Set(nodes);
  return nodes.every((node) => {
    const regions = Object.values(node.states).filter((one) => one.type !== 'history');
    const inside = regions.filter((one) => active.has(one)).length;
    if (node.parent && !active.has(node.parent)) return false;
    return inside === (node.type === 'compound' ? 1 : regions.length);
  });
}

function report(snapshot, actions) {
  const emitted = [], logged = [], effects = [];
  for (const { type, params } of actions) {
    if (type === 'xstate.emit') emitted.push(params.event);
    else if (type === 'xstate.log') logged.push(params.value);
    else if (type === 'xstate.raise' && params.delay !== undefined) {
      if (!Number.isFinite(params.delay)) throw new Error('a delay must be a number');
      effects.push(['arm', params.id ?? null, params.event, params.delay]);
    } else if (type === 'xstate.cancel') {
      effects.push(['disarm', typeof params === 'string' ? params : (params.sendId ?? params.id)]);
    } else if (type === 'xstate.spawnChild') {
      effects.push(['start', params.id, params.input ?? null]);
    } else if (type === 'xstate.stopChild' && params) {
      effects.push(['stop', params.id]);
    }
  }
  return {
    status: snapshot.status,
    failed: snapshot.status === 'error' ? String(snapshot.error?.message ?? '') : null,
    active: snapshot._nodes.map((node) => node.id).sort(),
    legal: isLegal(snapshot._nodes),
    value: snapshot.value,
    context: snapshot.context,
    output: snapshot.output ?? null,
    emitted, logged, effects,
  };
}

console.warn = () => {};
let library, machine, snapshot;
const requests = {
  async start(request) {
    library = await import(request.library);
    machine = new Translator(library).machine(request.spec);
    const [started, actions] = library.initialTransition(machine, request.input);
    snapshot = started;
    return report(started, actions);
  },
  event(request) {
    const [next, actions] = library.transition(machine, snapshot, request.event);
    snapshot = next;
    return report(next, actions);
  },
  // What a database would keep of it, and back.
  restore() {
    const kept = JSON.parse(JSON.stringify(machine.getPersistedSnapshot(snapshot)));
    snapshot = library.createActor(machine, { snapshot: kept }).getSnapshot();
    return report(snapshot, []);
  },
};
for await (const line of readline.createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = await requests[request.op](request);
  } catch (error) {
    answer = { threw: String(error?.message ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
