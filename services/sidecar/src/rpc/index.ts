import { Fault } from "@portcullis/chassis/fault";
import type { Call, Hop } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { Handlers } from "@portcullis/chassis/rpc/server";
import {
  batchCheck,
  check,
  checkStream,
  type Deciding,
  type PrincipalsFor,
  permissions,
} from "@portcullis/checks";
import type { DecisionService } from "@portcullis/proto/decision/v1/decision";

type Decision = Handlers<typeof DecisionService>;

/** What memory decides is answered here; what takes the owners' indexes is passed on. A missing handler does not compile. */
export function handlers(
  deciding: Deciding,
  principalsFor: PrincipalsFor,
  upstream: Stub<typeof DecisionService>,
): Decision {
  const { facts } = deciding;
  return {
    check: (request, call) => check(deciding, principalsFor(call), request, call),
    batchCheck: (request, call) => batchCheck(deciding, principalsFor(call), request, call),
    checkStream: (conversation) => checkStream(deciding, principalsFor(conversation), conversation),
    permissions: (request, call) => permissions(facts, principalsFor(call), request, call),
    explain: passedOn(upstream.explain),
    listObjects: passedOn(upstream.listObjects),
    listPrincipals: passedOn(upstream.listPrincipals),
    listHeldGrants: passedOn(upstream.listHeldGrants),
    simulate: passedOn(upstream.simulate),
    holdsGrants: passedOn(upstream.holdsGrants),
    standing: passedOn(upstream.standing),
    async watch(request, call) {
      const { requestId, signal } = call;
      try {
        for await (const message of upstream.watch(request, { requestId, signal }))
          await call.send([message]);
      } catch (thrown) {
        throw toOurCallers(thrown);
      }
    },
  };
}

function passedOn<Request, Response>(
  ask: (request: Request, hop: Partial<Hop>) => Promise<Response>,
): (request: Request, call: Call) => Promise<Response> {
  return (request, call) =>
    ask(request, call).catch((thrown: unknown) => {
      throw toOurCallers(thrown);
    });
}

/** They show no credential: where ours is refused, decision is not there for them. */
function toOurCallers(thrown: unknown): unknown {
  const isOurToken = thrown instanceof Fault && thrown.field === "authorization";
  return isOurToken ? new Fault("unavailable", "decision is not available", { cause: thrown }) : thrown;
}
