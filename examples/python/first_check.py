"""May the demo's reader read that experiment? Whatever goes wrong, the answer is no."""

import os
import sys
from pathlib import Path

import grpc

sys.path.append(str(Path(__file__).parent / "gen"))

from portcullis.decision.v1 import decision_pb2, decision_pb2_grpc  # noqa: E402
from portcullis.events.v1 import events_pb2  # noqa: E402

question = decision_pb2.CheckRequest(
    org_id=os.environ["PORTCULLIS_ORG_ID"],
    principal_id=os.environ["PORTCULLIS_DEMO_READER_ID"],
    permission="read",
    object=events_pb2.ObjectRef(type="experiment", id=os.environ["PORTCULLIS_DEMO_EXPERIMENT_ID"]),
)
token = ("authorization", f"Bearer {os.environ['PORTCULLIS_SERVICE_TOKEN']}")

# Beyond this machine: grpc.secure_channel, or the token could be read on the way.
with grpc.insecure_channel(os.environ["PORTCULLIS_DECISION_ADDRESS"]) as channel:
    try:
        answer = decision_pb2_grpc.DecisionStub(channel).Check(question, timeout=1, metadata=[token])
        print("allowed" if answer.allowed else "denied")
    except grpc.RpcError as error:
        print("denied, because", error.details())
