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
    explain: upstream.explain,
    listObjects: upstream.listObjects,
    listPrincipals: upstream.listPrincipals,
    listHeldGrants: upstream.listHeldGrants,
    simulate: upstream.simulate,
    holdsGrants: upstream.holdsGrants,
    standing: upstream.standing,
    async watch(request, call) {
      const { requestId, signal } = call;
      for await (const message of upstream.watch(request, { requestId, signal })) {
        await call.send([message]);
      }
    },
  };
}
