// foliot from TypeScript: a verb a file, and errors.ts for what all of them need.
//
//   deploy <file>             make a definition of a file, and activate it
//   start <request> <parcel>  start an instance
//   watch <instance>          print its history, to its end
//   approve <instance>        complete what a person is asked to do
//   work                      carry out tasks, until told to stop
//
// ADDRESS says where foliot is. KEY is a key of a tenant, for work one of an executor.

import type { Interceptor } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { approve } from "./approve.js";
import { deploy } from "./deploy.js";
import { explain } from "./errors.js";
import { start } from "./start.js";
import { watch } from "./watch.js";
import { work } from "./work.js";

const baseUrl = `http://${process.env.ADDRESS}`; // https:// where the server speaks TLS
const connections = new Http2SessionManager(baseUrl);

const withKey: Interceptor = (next) => (request) => {
  request.header.set("authorization", `Bearer ${process.env.KEY}`);
  return next(request);
};
const transport = createGrpcTransport({
  baseUrl,
  interceptors: [withKey],
  sessionManager: connections,
});

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => stop.abort());
}

const [verb, first = "", second = ""] = process.argv.slice(2);
try {
  switch (verb) {
    case "deploy":
      await deploy(transport, first);
      break;
    case "start":
      await start(transport, first, second);
      break;
    case "watch":
      await watch(transport, first, stop.signal);
      break;
    case "approve":
      await approve(transport, first);
      break;
    case "work":
      await work(transport, stop.signal);
      break;
    default:
      throw new Error("say one of: deploy, start, watch, approve, work");
  }
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
} finally {
  connections.abort(); // an idle connection would keep the process alive
}
